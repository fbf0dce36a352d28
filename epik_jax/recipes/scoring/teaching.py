"""The stages of a student of pairs: teachers heard on general pairs, then the task.

Settings, pairs and voices go in, a trained student comes out.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from epik_jax.data.digests import arrays_digest
from epik_jax.data.encode_text_pairs import EncodedTextPairs, encode_text_pairs
from epik_jax.data.order import Share, whole
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.models import initial, scorer
from epik_jax.models.scorer_config import ScorerConfig
from epik_jax.objectives.objective import Objective, Term
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.recipe import (
    Batches,
    Stage,
    Workplace,
    digest,
    run_stages,
)
from epik_jax.recipes.row_batches import training_batches
from epik_jax.recipes.scoring.digests import content_digest, pairs_digest
from epik_jax.recipes.scoring.labels import (
    for_validation,
    label_term,
    make_validate_labels,
)
from epik_jax.recipes.scoring.signals import Voices
from epik_jax.recipes.scoring.soft import (
    make_hearing_forward,
    soft_term,
    voice_shapes,
    voice_weights,
)
from epik_jax.recipes.scoring.start import Start
from epik_jax.recipes.scoring.student_config import PairStudentConfig
from epik_jax.structs import Batch, Params, TextPair
from epik_jax.teachers.scoring import ScoringNetwork
from epik_jax.text.wordpiece import WordPieces


@dataclasses.dataclass(frozen=True)
class Lesson:
    """Pairs, and what is said of them.

    Attributes:
      pairs: in order.
      voices: of the teachers about these pairs; None where nobody is heard.
    """

    pairs: Sequence[TextPair]
    voices: Voices | None


@dataclasses.dataclass(frozen=True)
class Taught:
    """A student, and what it was before it learnt the task.

    Attributes:
      student: of the task.
      general: after general pairs; None where it heard none.
    """

    student: ScoringNetwork
    general: ScoringNetwork | None


def teach(
    config: PairStudentConfig,
    labels: tuple[str, ...],
    start: Start,
    general: Lesson | None,
    task: Lesson,
    figures: Sequence[float],
    dev: Mapping[str, Sequence[TextPair]],
    right: str,
    at: Workplace,
    *,
    prefix: str = "student",
) -> Taught:
    """Trains a student, or reads it back where it was finished before.

    Args:
      config: how.
      labels: classes.
      start: what it begins as.
      general: pairs without labels; None to learn the task at once.
      task: pairs with labels.
      figures: of each voice on dev lists.
      dev: lists that choices look at.
      right: the class of a candidate that answers; "" where none are ranked.
      at: where.
      prefix: of the stages' names.
    """
    num_voices = task.voices.num_voices if task.voices else 0
    model = config.sized(start.pieces.size, labels, num_voices, start.encoder)
    params, between = start.params, None
    if general is not None:
        params, between = _hear(
            config, model, start.pieces, params, general, figures, at, prefix
        )
    params = _drawn(config, model, num_voices, params, "task")
    ratio = config.soft.ratio if num_voices else 0.0
    soft = (soft_term(config.soft, ratio),) if num_voices else ()
    stage = _stage(
        *(config, config.task, "task", prefix, model, start.pieces),
        *(task, figures, (label_term(1.0 - ratio), *soft), params),
    )
    chosen = for_validation(dev, config.num_validated)
    stage = dataclasses.replace(
        stage,
        validate=make_validate_labels(model, start.pieces, chosen, right),
        validated=digest([pairs_digest(chosen), right]),
    )
    params = run_stages((stage,), params, at)
    student = ScoringNetwork(params["student"], model, start.pieces, at.mesh)
    return Taught(student, between)


def _hear(
    config: PairStudentConfig,
    model: ScorerConfig,
    pieces: WordPieces,
    begun: Params,
    general: Lesson,
    figures: Sequence[float],
    at: Workplace,
    prefix: str,
) -> tuple[Params, ScoringNetwork]:
    """What a student knows from teachers alone, without headers; and with them."""
    assert config.general is not None and general.voices is not None
    # What the task mixes makes no difference here.
    alone = dataclasses.replace(config, soft=dataclasses.replace(config.soft, ratio=1))
    params = _drawn(config, model, general.voices.num_voices, begun, "general")
    stage = _stage(
        *(alone, config.general, "general", prefix, model, pieces),
        *(general, figures, (soft_term(config.soft),), params),
    )
    student = run_stages((stage,), params, at)["student"]
    # People's header has heard nobody.
    voices = dataclasses.replace(model, prediction="soft_mean", weights=())
    kept = {name: leaves for name, leaves in student.items() if name != "headers"}
    return {"student": kept}, ScoringNetwork(student, voices, pieces, at.mesh)


def _drawn(
    config: PairStudentConfig,
    model: ScorerConfig,
    num_voices: int,
    given: Params,
    role: str,
) -> Any:
    """Parameters before a stage: those given, and others drawn for it."""
    voices = voice_shapes(config.soft, num_voices)
    shapes = {"student": scorer.parameter_shapes(model), **voices}
    return initial.completed(given, shapes, _seed_of(config, role))


def _seed_of(config: PairStudentConfig, role: str) -> int:
    """Of what is drawn, dropout and order in a stage; each has its own."""
    return zlib.crc32(f"{config.seed}/{config.teacher}/{role}".encode())


def _stage(
    config: PairStudentConfig,
    leg: LegConfig,
    role: str,
    prefix: str,
    model: ScorerConfig,
    pieces: WordPieces,
    lesson: Lesson,
    figures: Sequence[float],
    terms: tuple[Term, ...],
    params: Mapping[str, Any],
) -> Stage:
    seed = _seed_of(config, role)
    batches = dataclasses.replace(leg.batches, seed=seed)
    leg = dataclasses.replace(leg, batches=batches)
    encoded = encode_text_pairs(lesson.pairs, pieces, model.labels, model.max_length)
    heard: dict[str, np.ndarray] = {}
    if lesson.voices:
        weights = voice_weights(config.soft, lesson.voices, figures)
        said = lesson.voices
        heard = {"voices": said.logits, "asked": said.asked, "voice_weights": weights}
    begun = ModelFolder(params["student"], model, pieces, {}).digest
    return Stage(
        name=f"{prefix}-{role}",
        batches=_lesson_batches(encoded, heard, pieces.pad_id, leg),
        forward=make_hearing_forward(model),
        objective=Objective(terms),
        trainable=tuple(f"^{part}/" for part in params),
        optimizer=leg.optimizer,
        loop=leg.loop,
        seed=seed,
        inputs={
            "data": content_digest(encoded),
            "voices": arrays_digest(heard.values()),
            "pieces": pieces.fingerprint,
            "model": dataclasses.asdict(model),
            "batches": dataclasses.asdict(leg.batches),
            "soft": dataclasses.asdict(config.soft),
            "start": begun,
        },
    )


def _lesson_batches(
    encoded: EncodedTextPairs,
    heard: Mapping[str, np.ndarray],
    pad_id: int,
    leg: LegConfig,
) -> Batches:
    """Training batches with what is said of their pairs, from a given step on."""
    batches = training_batches(encoded, pad_id, leg.batches)

    def stream(start: int, mine: Share = whole) -> Iterator[Batch]:
        for _, rows, batch in batches(start, mine):
            own = mine(rows)
            ones = np.ones(len(own), np.float32)
            said = {name: values[own] for name, values in heard.items()}
            yield batch | said | {"weight": ones}

    return stream
