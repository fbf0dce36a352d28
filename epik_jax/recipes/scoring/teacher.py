"""The training of one teacher of pairs: hidden pieces guessed, then people's labels.

Settings and pairs go in, a scoring network comes out.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from epik_jax import trees
from epik_jax.data.encode_text_pairs import EncodedTextPairs, encode_text_pairs
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.models import initial, scorer
from epik_jax.models.neighbours import look_beside
from epik_jax.models.scorer_config import EncoderScorerConfig
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.masked import (
    drop_pieces,
    guess_shapes,
    make_masked_forward,
    masked_ce_term,
    masked_stream,
)
from epik_jax.recipes.recipe import Stage, Workplace, digest, run_stages
from epik_jax.recipes.row_batches import training_batches
from epik_jax.recipes.scoring.bert_scorer import read_bert
from epik_jax.recipes.scoring.corpus import PairCorpus, PairDataConfig
from epik_jax.recipes.scoring.crowd_config import TeacherConfig
from epik_jax.recipes.scoring.digests import content_digest, pairs_digest
from epik_jax.recipes.scoring.labels import (
    for_validation,
    label_term,
    make_score_forward,
    make_validate_labels,
)
from epik_jax.recipes.scoring.sizes import sized_scorer
from epik_jax.structs import Batch, TextPair
from epik_jax.teachers.scoring import ScoringNetwork
from epik_jax.text.wordpiece import WordPieces


def train_teacher(
    teacher: TeacherConfig,
    num_validated: int,
    corpus: PairCorpus,
    data: PairDataConfig,
    pieces: WordPieces | None,
    at: Workplace,
) -> tuple[ScoringNetwork, dict[str, Any]]:
    """Trains a teacher, or reads it back where it was finished before.

    Args:
      teacher: how.
      num_validated: dev pairs of each list that a validation scores.
      corpus: pairs.
      data: how they are labelled.
      pieces: that it reads where it begins as no BERT; else it reads the BERT's.
      at: where.

    Returns:
      The teacher; its seed, and the digest of the BERT that it began as.
    """
    origin: dict[str, Any] = {"seed": teacher.seed}
    params: dict[str, Any]
    if teacher.start_folder:
        bert = read_bert(Path(teacher.start_folder), teacher.model, data.classes)
        model, pieces = bert.config, bert.pieces
        params = {"student": bert.params}
        origin["start"] = ModelFolder(bert.params, model, pieces, {}).digest
    else:
        assert pieces is not None
        model = sized_scorer(
            teacher.model, pieces.size, data.classes, matches=teacher.matches
        )
        params = _begun(teacher, model, corpus, pieces, at)
    shapes = {"student": scorer.parameter_shapes(model)}
    stage = label_stage(teacher, num_validated, model, corpus, data, pieces)
    started = trees.flatten(params)
    drawn = {
        path: started[path]
        if path in started
        else initial.draw(path, leaf.shape, teacher.seed)
        for path, leaf in trees.flatten(shapes).items()
    }
    begun = trees.unflatten(drawn)
    known = ModelFolder(begun["student"], model, pieces, {}).digest
    stage = dataclasses.replace(stage, inputs=stage.inputs | {"start": known})
    found = run_stages((stage,), begun, at)["student"]
    return ScoringNetwork(found, model, pieces, at.mesh), origin


def _begun(
    teacher: TeacherConfig,
    model: EncoderScorerConfig,
    corpus: PairCorpus,
    pieces: WordPieces,
    at: Workplace,
) -> dict[str, Any]:
    """An encoder as it is before labels are learnt, below "student"; drawn by its own
    settings, so that teachers of equal ones begin as one.
    """
    shared = _shared_seed(teacher)
    shapes = {"student": scorer.parameter_shapes(model)}
    if teacher.masked:
        shapes["bridge"] = guess_shapes(model.encoder)
    params = initial.init_params(shapes, teacher.seed if not teacher.masked else shared)
    if teacher.offsets:
        encoder = params["student"]["transformer"]
        beside = look_beside(encoder, model.encoder, teacher.offsets)
        params["student"]["transformer"] = beside
    if teacher.masked:
        stage = masked_stage(teacher, model, corpus, pieces, shared)
        params = run_stages((stage,), params, at)
        logging.info("%s: teacher %s begins from here", stage.name, teacher.name)
    # Headers of a teacher's own.
    return {"student": {"transformer": params["student"]["transformer"]}}


def masked_stage(
    teacher: TeacherConfig,
    model: EncoderScorerConfig,
    corpus: PairCorpus,
    pieces: WordPieces,
    seed: int,
) -> Stage:
    """Guessing hidden pieces of all training text."""
    leg = teacher.masked
    assert leg is not None
    encoded = encoded_for([*corpus.train, *corpus.general], pieces, model)
    batches = training_batches(encoded, pieces.pad_id, leg.batches)
    return Stage(
        name=f"teachers-masked-{seed:08x}",
        batches=masked_stream(batches, pieces, seed),
        forward=make_masked_forward(model.encoder),
        objective=Objective((masked_ce_term(),)),
        trainable=("^student/transformer/", "^bridge/"),
        optimizer=leg.optimizer,
        loop=leg.loop,
        seed=seed,
        inputs={
            "data": content_digest(encoded),
            "pieces": pieces.fingerprint,
            "model": dataclasses.asdict(model),
            "batches": dataclasses.asdict(leg.batches),
            "offsets": list(teacher.offsets),
        },
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
    encoded = encoded_for(corpus.train, pieces, model)
    batches = training_batches(encoded, pieces.pad_id, leg.batches)
    share, seed = teacher.piece_dropout, teacher.seed

    def stream(start: int) -> Iterator[Batch]:
        for n, rows, batch in batches(start):
            seen = drop_pieces(batch, pieces, share, seed, n)
            yield seen | {"weight": np.ones(len(rows), np.float32)}

    chosen = for_validation(corpus.dev, num_validated)
    return Stage(
        name=f"teacher-{teacher.name}",
        batches=stream,
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
        validated=pairs_digest(chosen),
    )


def encoded_for(
    pairs: list[TextPair], pieces: WordPieces, model: EncoderScorerConfig
) -> EncodedTextPairs:
    """Pairs as rows of pieces, cut to what the network reads."""
    return encode_text_pairs(pairs, pieces, model.labels, model.max_length)


def _shared_seed(teacher: TeacherConfig) -> int:
    """Of what is done before labels are learnt, equal where all settings of it are."""
    asked = {
        "model": dataclasses.asdict(teacher.model),
        "masked": dataclasses.asdict(teacher.masked) if teacher.masked else None,
        "offsets": list(teacher.offsets),
        "matches": teacher.matches,
    }
    return int(digest(asked)[:8], 16) >> 1
