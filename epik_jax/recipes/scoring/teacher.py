"""The training of one teacher of pairs: hidden pieces guessed, then people's labels.

Settings and pairs go in, a scoring network comes out.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from epik_jax.data.encode_text_pairs import encode_text_pairs
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.models import initial, scorer
from epik_jax.models.scorer_config import EncoderScorerConfig
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.masked import dropped_stream
from epik_jax.recipes.recipe import Stage, Workplace, digest, run_stages
from epik_jax.recipes.row_batches import training_batches
from epik_jax.recipes.scoring.bert_scorer import read_bert
from epik_jax.recipes.scoring.corpus import PairCorpus, PairDataConfig
from epik_jax.recipes.scoring.crowd_config import TeacherConfig
from epik_jax.recipes.scoring.digests import content_digest, pairs_digest
from epik_jax.recipes.scoring.drawn import drawn_encoder
from epik_jax.recipes.scoring.labels import (
    for_validation,
    label_term,
    make_score_forward,
    make_validate_labels,
)
from epik_jax.recipes.scoring.sizes import sized_encoder
from epik_jax.structs import Params
from epik_jax.teachers.scoring import ScoringNetwork
from epik_jax.text.wordpiece import WordPieces


@dataclasses.dataclass(frozen=True)
class Trained:
    """A teacher, and what it was before.

    Attributes:
      network: with people's labels learnt.
      encoder: sizes and parameters before labels were learnt; None where they had been
        drawn alone.
      origin: its seed, and the digest of the BERT that it began as.
    """

    network: ScoringNetwork
    encoder: Params | None
    origin: dict[str, Any]


def train_teacher(
    teacher: TeacherConfig,
    num_validated: int,
    corpus: PairCorpus,
    data: PairDataConfig,
    pieces: WordPieces | None,
    at: Workplace,
) -> Trained:
    """Trains a teacher, or reads it back where it was finished before.

    Args:
      teacher: how.
      num_validated: dev pairs of each list that a validation scores.
      corpus: pairs.
      data: how they are labelled.
      pieces: that it reads where it begins as no BERT; else it reads the BERT's.
      at: where.
    """
    origin: dict[str, Any] = {"seed": teacher.seed}
    if teacher.start_folder:
        bert = read_bert(Path(teacher.start_folder), teacher.model, data.classes)
        model, pieces = bert.config, bert.pieces
        begun: Params = bert.params
        origin["start"] = ModelFolder(begun, model, pieces, {}).digest
    else:
        assert pieces is not None
        encoder = sized_encoder(teacher.model, pieces.size, matches=teacher.matches)
        model = EncoderScorerConfig(encoder, data.classes, matches=teacher.matches)
        texts = [*corpus.train, *corpus.general]
        how = (teacher.masked, teacher.offsets, texts, pieces, teacher.seed, at)
        begun = drawn_encoder(model, *how)
    shapes = scorer.parameter_shapes(model)
    params = initial.completed({"student": begun}, {"student": shapes}, teacher.seed)
    stage = label_stage(teacher, num_validated, model, corpus, data, pieces)
    known = ModelFolder(params["student"], model, pieces, {}).digest
    stage = dataclasses.replace(stage, inputs=stage.inputs | {"start": known})
    found = run_stages((stage,), params, at)["student"]
    knows = {name: leaves for name, leaves in begun.items() if name != "headers"}
    return Trained(
        ScoringNetwork(found, model, pieces, at.mesh),
        knows if teacher.start_folder or teacher.masked else None,
        origin,
    )


def label_stage(
    teacher: TeacherConfig,
    num_validated: int,
    model: EncoderScorerConfig,
    corpus: PairCorpus,
    data: PairDataConfig,
    pieces: WordPieces,
) -> Stage:
    """Learning people's labels; the best on dev lists may be kept."""
    leg = teacher.labels
    encoded = encode_text_pairs(corpus.train, pieces, model.labels, model.max_length)
    batches = training_batches(encoded, pieces.pad_id, leg.batches)
    share, seed = teacher.piece_dropout, teacher.seed
    chosen = for_validation(corpus.dev, num_validated)
    return Stage(
        name=f"teacher-{teacher.name}",
        batches=dropped_stream(batches, pieces, share, seed),
        forward=make_score_forward(model),
        objective=Objective((label_term(),)),
        trainable=("^student/",),
        optimizer=leg.optimizer,
        loop=leg.loop,
        seed=seed,
        inputs={
            "data": content_digest(encoded),
            "pieces": pieces.fingerprint,
            "model": dataclasses.asdict(model),
            "batches": dataclasses.asdict(leg.batches),
            "piece_dropout": share,
        },
        validate=make_validate_labels(model, pieces, chosen, data.answer),
        validated=digest([pairs_digest(chosen), data.answer]),
    )
