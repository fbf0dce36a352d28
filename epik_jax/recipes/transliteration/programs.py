"""What runs of MATra and EPIK compile: updates, passes of the chain, decoding.

Settings go in, programs come out, each of the widest shape that a run meets. A teacher
that is given is read for its sizes; no data is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh

from epik_jax.interop.model_folder import load_transliterator
from epik_jax.models import transformer
from epik_jax.models.computing import Computing
from epik_jax.models.config import TransformerConfig
from epik_jax.objectives.objective import Objective
from epik_jax.parallel import mesh as meshes
from epik_jax.recipes.program import (
    Program,
    placed,
    shape,
    unfed,
    update,
)
from epik_jax.recipes.transliteration.epik import EpikConfig
from epik_jax.recipes.transliteration.imitation import (
    ImitationConfig,
    make_objective,
    make_student_forward,
)
from epik_jax.recipes.transliteration.matra import MatraConfig
from epik_jax.recipes.transliteration.run_config import EpikRun, MatraRun
from epik_jax.recipes.transliteration.start import student_shapes
from epik_jax.recipes.transliteration.streams import BatchConfig
from epik_jax.recipes.transliteration.student import StageConfig
from epik_jax.recipes.transliteration.supervised import hard_ce_term, make_forward
from epik_jax.recipes.transliteration.tokens import VocabularyConfig
from epik_jax.recipes.transliteration.transfer import chain_decodings
from epik_jax.structs import Batch, Params, TeacherSignal
from epik_jax.teachers import passes
from epik_jax.teachers.passes import Decoding, SpecialIds
from epik_jax.teachers.placed import padded_widths, rounded_up
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import TAG_AND_END, CharacterVocabulary

_WAYS = {"greedy": Decoding(), "beam": Decoding(beam_width=4, num_hypotheses=4)}


def matra_programs(config: MatraRun, mesh: Mesh) -> list[Program]:
    """The teacher's update, and how it answers."""
    model = config.teacher.model.sized(_vocab_size(config.teacher.vocabulary))
    widest = _widest(config.teacher.batches)
    answers = _answers("teacher", model, widest, _WAYS, mesh)
    update = _teacher_update(config.teacher, model, mesh, config.compute)
    return [update, *answers]


def epik_programs(config: EpikRun, mesh: Mesh) -> list[Program]:
    """Updates of teacher and student, the chain's passes, and how the student answers.

    Raises:
      ValueError: the student could not start from the teacher.
    """
    recipe, found = config.epik, []
    if recipe.teacher_folder:
        teacher = load_transliterator(Path(recipe.teacher_folder)).config
    else:
        teacher = _sized(recipe.teacher)
        found.append(_teacher_update(recipe.teacher, teacher, mesh, config.compute))
    model = recipe.student.model.sized(teacher.vocab_size)
    widest = max(_widest(stage.batches) for stage in recipe.student.stages)
    first, second = chain_decodings(recipe.transfer)
    links = {"chain to English": first, "chain from English": second}
    found += _answers("teacher", teacher, widest, links, mesh)
    found += _signal_passes(recipe, teacher, widest, mesh)
    found += [
        _student_update(stage, recipe, model, teacher, mesh, config.compute)
        for stage in recipe.student.stages
    ]
    return [*found, *_answers("student", model, widest, _WAYS, mesh)]


def gold_batch(rows: int, width_S: int, width_T: int) -> Batch:
    """Shapes of what `data.encode.make_batch` makes."""
    return {
        "source": shape("int32", rows, width_S),
        "source_mask": shape("bool", rows, width_S),
        "target_in": shape("int32", rows, width_T),
        "labels": shape("int32", rows, width_T),
        "label_mask": shape("bool", rows, width_T),
        "target_lang": shape("int32", rows),
        "weight": shape("float32", rows),
    }


def signal(
    imitation: ImitationConfig,
    model: TransformerConfig,
    teacher: TransformerConfig,
    rows: int,
    width_T: int,
) -> TeacherSignal:
    """Shapes of what `imitation.padded_signal` makes."""
    found: dict[str, Any] = {}
    if imitation.soft_kl:
        found["log_probs"] = shape("float16", rows, width_T, teacher.vocab_size)
    if imitation.hidden:
        pooled = imitation.alignment == "pooled"
        width = 1 if pooled else model.num_slots or model.max_length
        found["hidden"] = shape("float32", rows, width, teacher.width)
        found["hidden_mask"] = shape("bool", rows, width)
    return TeacherSignal(**found)


def _teacher_update(
    config: MatraConfig, model: TransformerConfig, mesh: Mesh, computing: Computing
) -> Program:
    params = {"student": transformer.parameter_shapes(model)}
    batch = gold_batch(config.batches.batch_size, *_widest(config.batches))
    stage = unfed(
        make_forward(model, _ids().pad),
        Objective((hard_ce_term(config.smoothing),)),
        ("^student/",),
        config.optimizer,
        config.loop,
    )
    lower = update(stage, params, batch, mesh, computing)
    return _program("teacher update", lower, params, config.batches, model)


def _student_update(
    stage: StageConfig,
    config: EpikConfig,
    model: TransformerConfig,
    teacher: TransformerConfig,
    mesh: Mesh,
    computing: Computing,
) -> Program:
    params = student_shapes(config.student, model, teacher)
    rows, (width_S, width_T) = stage.batches.batch_size, _widest(stage.batches)
    batch = gold_batch(rows, width_S, width_T)
    if stage.imitation.fields:
        batch["signals"] = signal(stage.imitation, model, teacher, rows, width_T)
    asked = unfed(
        make_student_forward(model, teacher, stage.imitation, _ids().pad),
        make_objective(stage.imitation),
        stage.trainable,
        stage.optimizer,
        stage.loop,
    )
    lower = update(asked, params, batch, mesh, computing)
    return _program(
        f"student update, {stage.name}", lower, params, stage.batches, model
    )


def _program(
    name: str,
    lower: Callable[[], jax.stages.Lowered],
    params: Params,
    batches: BatchConfig,
    model: TransformerConfig,
) -> Program:
    shapes = (batches.batch_size, batches.buckets, model.head_width)
    return Program(name, lower, params, *shapes)


def _answers(
    who: str,
    model: TransformerConfig,
    widest: tuple[int, int],
    ways: dict[str, Decoding],
    mesh: Mesh,
) -> list[Program]:
    """Decoding of a full batch of the longest words, by each way."""
    params = placed(transformer.parameter_shapes(model), mesh)
    over: Any = passes.on_mesh(mesh)
    V = model.vocab_size
    width = min(widest[0], model.longest_source)
    most = model.max_length - TAG_AND_END - 1
    found = []
    for name, decoding in ways.items():
        rows = meshes.filled_up(mesh, decoding.batch_size)
        length = min(width + decoding.max_extra, most) + 1
        lower = functools.partial(
            over.decode.lower,
            params,
            shape("bool", len(LANGUAGES), V, V),
            shape("int32", rows, width),
            shape("bool", rows, width),
            shape("int32", rows),
            shape("int32", rows),
            *(model, decoding, _ids(), length),
        )
        widths = padded_widths(width)
        shapes = (rows, widths, model.head_width)
        found.append(Program(f"{who}, {name}", lower, params, *shapes))
    return found


def _signal_passes(
    config: EpikConfig, teacher: TransformerConfig, widest: tuple[int, int], mesh: Mesh
) -> list[Program]:
    """What the chain's second network is asked beside its answers."""
    params, over = (
        placed(transformer.parameter_shapes(teacher), mesh),
        passes.on_mesh(mesh),
    )
    (width_S, _), wanted = widest, config.transfer.wanted
    # Its own answers, which may be longer than what they answer.
    longest = rounded_up(width_S + config.transfer.max_extra + 1)
    width_T = min(longest, teacher.max_length)
    asked: dict[str, tuple[Any, int, tuple[Any, ...]]] = {}
    if wanted.log_probs:
        target = (
            shape("int32", meshes.filled_up(mesh, 64), width_T),
            teacher,
            _ids(),
        )
        asked["chain's distributions"] = (over.log_probs, 64, target)
    if wanted.hidden != "none":
        asked["chain's states"] = (over.hidden, 128, (teacher,))
    found = []
    for name, (function, most, rest) in asked.items():
        rows = meshes.filled_up(mesh, most)
        source = (shape("int32", rows, width_S), shape("bool", rows, width_S))
        lower = functools.partial(function.lower, params, *source, *rest)
        widths = padded_widths(width_S)
        shapes = (rows, widths, teacher.head_width)
        found.append(Program(name, lower, params, *shapes))
    return found


def _sized(config: MatraConfig) -> TransformerConfig:
    return config.model.sized(_vocab_size(config.vocabulary))


def _vocab_size(config: VocabularyConfig) -> int:
    """Letters are those of the scripts; pieces come to as many as are asked for."""
    return _letters().size if config.kind == "characters" else config.size


def _letters() -> CharacterVocabulary:
    return CharacterVocabulary.from_languages(LANGUAGES)


def _ids() -> SpecialIds:
    known = _letters()
    return SpecialIds(known.bos_id, known.eos_id, known.pad_id)


def _widest(config: BatchConfig) -> tuple[int, int]:
    source, target = zip(*config.buckets, strict=True)
    return max(source), max(target)
