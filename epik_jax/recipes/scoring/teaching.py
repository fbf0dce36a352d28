"""The stages of a student of pairs: teachers heard on general pairs, then the task.

Settings, pairs and voices go in, a trained student comes out.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from epik_jax import trees
from epik_jax.data.digests import arrays_digest
from epik_jax.data.encode_text_pairs import EncodedTextPairs, encode_text_pairs
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.models import initial, scorer
from epik_jax.models.scorer_config import ScorerConfig
from epik_jax.objectives.objective import Objective, Term
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.recipe import Stage, Workplace, run_stages
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
class Start:
    """What a student begins as.

    Attributes:
      pieces: that it reads.
      params: below "student", those that are taken over; the others are drawn.
    """

    pieces: WordPieces
    params: Mapping[str, Any]


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
    model = config.sized(start.pieces.size, labels, num_voices)
    params: Params = _drawn(
        config, model, num_voices, start.params, f"{prefix}-general"
    )
    between = None
    if general is not None:
        assert config.general is not None and general.voices is not None
        only = (soft_term(config.soft),)
        stage = _stage(
            *(config, config.general, f"{prefix}-general", model, start.pieces),
            *(general, figures, only, params),
        )
        params = run_stages((stage,), params, at)
        between = ScoringNetwork(params["student"], model, start.pieces, at.mesh)
        kept = {k: v for k, v in params["student"].items() if k != "headers"}
        params = _drawn(config, model, num_voices, {"student": kept}, f"{prefix}-task")
    ratio = config.soft.ratio if num_voices else 0.0
    soft = (soft_term(config.soft, ratio),) if num_voices else ()
    terms = (label_term(1.0 - ratio), *soft)
    stage = _stage(
        *(config, config.task, f"{prefix}-task", model, start.pieces),
        *(task, figures, terms, params),
    )
    chosen = for_validation(dev, config.num_validated)
    stage = dataclasses.replace(
        stage,
        validate=make_validate_labels(model, start.pieces, chosen, right),
        validated=pairs_digest(chosen),
    )
    params = run_stages((stage,), params, at)
    student = ScoringNetwork(params["student"], model, start.pieces, at.mesh)
    return Taught(student, between)


def _drawn(
    config: PairStudentConfig,
    model: ScorerConfig,
    num_voices: int,
    given: Mapping[str, Any],
    name: str,
) -> dict[str, Any]:
    """Parameters before a stage: those given, and others drawn for it."""
    shapes = {
        "student": scorer.parameter_shapes(model),
        **voice_shapes(config.soft, num_voices),
    }
    known = trees.flatten(given)
    return trees.unflatten(
        {
            path: known[path]
            if path in known
            else _first(path, leaf.shape, _seed_of(config, name))
            for path, leaf in trees.flatten(shapes).items()
        }
    )


def _first(path: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    # Teachers count alike at first.
    if path.endswith("log_variance"):
        return np.zeros(shape, np.float32)
    return initial.draw(path, shape, seed)


def _seed_of(config: PairStudentConfig, stage: str) -> int:
    """Of dropout and order in a stage: each sees its pairs in another order."""
    return zlib.crc32(f"{config.seed}/{stage}".encode())


def _stage(
    config: PairStudentConfig,
    leg: LegConfig,
    name: str,
    model: ScorerConfig,
    pieces: WordPieces,
    lesson: Lesson,
    figures: Sequence[float],
    terms: tuple[Term, ...],
    params: Mapping[str, Any],
) -> Stage:
    seed = _seed_of(config, name)
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
        name=name,
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
) -> Callable[[int], Iterator[Batch]]:
    """Training batches with what is said of their pairs, from a given step on."""
    batches = training_batches(encoded, pad_id, leg.batches)

    def stream(start: int) -> Iterator[Batch]:
        for _, rows, batch in batches(start):
            ones = np.ones(len(rows), np.float32)
            said = {name: values[rows] for name, values in heard.items()}
            yield batch | said | {"weight": ones}

    return stream
