"""The teacher: a BERT-shaped encoder with a layer of labels, all languages in one.

Trained here, first to guess hidden pieces of its own training text and then to tag,
from drawn parameters or from those of a BERT. It knows no student.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from epik_jax.data.encode_sentences import (
    EncodedSentences,
    cut_sentences,
    encode_sentences,
)
from epik_jax.models import initial, labeller
from epik_jax.models.labeller_config import EncoderLabellerConfig
from epik_jax.models.neighbours import look_beside
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.masked import (
    dropped_stream,
    guess_shapes,
    make_masked_forward,
    masked_ce_term,
    masked_stream,
)
from epik_jax.recipes.recipe import Stage, Workplace, run_stages
from epik_jax.recipes.row_batches import training_batches
from epik_jax.recipes.tagging.bert_folder import BertStart, begun_params
from epik_jax.recipes.tagging.corpus import TaggedCorpus, TaggedDataConfig
from epik_jax.recipes.tagging.digests import content_digest, sentences_digest
from epik_jax.recipes.tagging.labels import (
    for_validation,
    label_term,
    make_label_forward,
    make_validate_tags,
)
from epik_jax.recipes.tagging.teacher_config import TeacherConfig, sized_labeller
from epik_jax.structs import Sentence
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.text.wordpiece import WordPieces


def train_teacher(
    config: TeacherConfig,
    corpus: TaggedCorpus,
    data: TaggedDataConfig,
    pieces: WordPieces,
    at: Workplace,
    start: BertStart | None = None,
) -> LabellingNetwork:
    """Trains the teacher, or reads it back where it was finished before.

    Args:
      config: how.
      corpus: sentences.
      data: how they are labelled.
      pieces: that it reads.
      at: where.
      start: what it begins as, whose pieces these are; None draws all parameters.
    """
    whole = data.task == "sentences"
    sized = sized_labeller(config.model, pieces.size, data.labels, whole=whole)
    model = start.config if start else sized
    stages = [tagging_stage(config, model, corpus, pieces)]
    shapes: dict[str, Any] = {"student": labeller.parameter_shapes(model)}
    if config.masked:
        stages.insert(0, masked_stage(config, config.masked, model, corpus, pieces))
        shapes["bridge"] = guess_shapes(model.encoder)
    if start:
        begun = {"start": start.digest}
        stages = [dataclasses.replace(s, inputs=s.inputs | begun) for s in stages]
        drawn = begun_params(shapes, start, config.seed)
    else:
        drawn = initial.init_params(shapes, config.seed)
        if config.offsets:
            looking = {"offsets": list(config.offsets)}
            stages = [dataclasses.replace(s, inputs=s.inputs | looking) for s in stages]
            begun = drawn["student"]["transformer"]
            beside = look_beside(begun, model.encoder, config.offsets)
            drawn["student"]["transformer"] = beside
    params = run_stages(tuple(stages), drawn, at)
    return LabellingNetwork(params["student"], model, pieces, at.mesh)


def masked_stage(
    config: TeacherConfig,
    leg: LegConfig,
    model: EncoderLabellerConfig,
    corpus: TaggedCorpus,
    pieces: WordPieces,
) -> Stage:
    """Guessing hidden pieces of all training text."""
    encoded = encoded_for(corpus.transfer, pieces, model)
    batches = training_batches(encoded, pieces.pad_id, leg.batches)
    return Stage(
        name="teacher-masked",
        batches=masked_stream(batches, pieces, config.seed),
        forward=make_masked_forward(model.encoder),
        objective=Objective((masked_ce_term(),)),
        # The layer of labels has nothing to learn yet.
        trainable=("^student/transformer/", "^bridge/"),
        optimizer=leg.optimizer,
        loop=leg.loop,
        seed=config.seed,
        inputs=_inputs(leg, model, encoded, pieces),
    )


def tagging_stage(
    config: TeacherConfig,
    model: EncoderLabellerConfig,
    corpus: TaggedCorpus,
    pieces: WordPieces,
) -> Stage:
    """Learning the tags of all languages at once; the best by dev F1 may be kept."""
    leg = config.tagging
    encoded = encoded_for(corpus.train, pieces, model)
    batches = training_batches(encoded, pieces.pad_id, leg.batches)
    chosen = for_validation(corpus.dev, config.num_validated)
    return Stage(
        name="teacher-tagging",
        batches=dropped_stream(batches, pieces, config.piece_dropout, config.seed),
        forward=make_label_forward(model, model.num_layers),
        objective=Objective((label_term(),)),
        trainable=("^student/",),
        optimizer=leg.optimizer,
        loop=leg.loop,
        seed=config.seed,
        inputs=_inputs(leg, model, encoded, pieces)
        | {"piece_dropout": config.piece_dropout},
        carry_over=lambda params: {"student": params["student"]},
        validate=make_validate_tags(model, pieces, chosen),
        validated=sentences_digest(s for found in chosen.values() for s in found),
    )


def encoded_for(
    sentences: list[Sentence], pieces: WordPieces, model: EncoderLabellerConfig
) -> EncodedSentences:
    """Sentences as rows of pieces, cut to what the network reads."""
    longest, whole = model.max_length, model.pools
    cut = cut_sentences(sentences, pieces, longest, whole=whole)
    return encode_sentences(cut, pieces, model.labels, longest, whole=whole)


def _inputs(
    leg: LegConfig,
    model: EncoderLabellerConfig,
    encoded: EncodedSentences,
    pieces: WordPieces,
) -> dict[str, Any]:
    return {
        "data": content_digest(encoded),
        "pieces": pieces.fingerprint,
        "model": dataclasses.asdict(model),
        "batches": dataclasses.asdict(leg.batches),
    }
