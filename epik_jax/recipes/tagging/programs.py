"""What runs of XtremeDistil compile: updates of teacher and student, and their passes.

Settings go in, programs come out, each of the widest shape that a run meets. Sizes are
those of the settings, whose number of pieces is the most that training text may give.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from jax.sharding import Mesh

from epik_jax.models import labeller
from epik_jax.models.computing import Computing
from epik_jax.models.labeller_config import (
    BilstmLabellerConfig,
    EncoderLabellerConfig,
    LabellerConfig,
)
from epik_jax.objectives.objective import Objective
from epik_jax.parallel import mesh as meshes
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.masked import guess_shapes, make_masked_forward, masked_ce_term
from epik_jax.recipes.program import (
    Program,
    hidden_places,
    placed,
    shape,
    unfed,
    update,
)
from epik_jax.recipes.tagging.distillation import (
    bridge_shapes,
    make_objective,
    make_student_forward,
)
from epik_jax.recipes.tagging.labels import label_term, make_label_forward
from epik_jax.recipes.tagging.run import XtremeDistilRun
from epik_jax.recipes.tagging.strategies import PARTS, Part, SubStage
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.recipes.tagging.teacher_config import sized_labeller
from epik_jax.structs import Batch, TeacherSignal
from epik_jax.teachers import labelling
from epik_jax.teachers.placed import padded_widths


def xtremedistil_programs(config: XtremeDistilRun, mesh: Mesh) -> list[Program]:
    """Updates of teacher and student, what a cache asks, and how the student answers.

    Raises:
      ValueError: the teacher's sizes are not in the settings but in a folder.
    """
    recipe, data = config.xtremedistil, config.data
    if folder := recipe.teacher_folder or recipe.teacher.start_folder:
        raise ValueError(
            f"the teacher is, or begins as, {folder}: compile-tpu takes sizes from the "
            "settings; leave the folder out and set xtremedistil.teacher.model and "
            "xtremedistil.pieces.size to what it holds"
        )
    whole = data.task == "sentences"
    size = recipe.pieces.size
    teacher = sized_labeller(recipe.teacher.model, size, data.labels, whole=whole)
    student = recipe.student.model.sized(size, teacher, recipe.student.layer)
    legs = {"masked": recipe.teacher.masked, "tagging": recipe.teacher.tagging}
    found = [
        _teacher_update(name, leg, teacher, mesh, config.compute)
        for name, leg in legs.items()
        if leg
    ]
    found.append(_signals(teacher, recipe.student.layer, mesh))
    # Of sub-stages that differ in what moves alone the last, in which most does.
    for stage in {stage.parts: stage for stage in recipe.student.sub_stages}.values():
        models = (student, teacher)
        how = (mesh, config.compute)
        found.append(_student_update(stage, recipe.student, *models, *how))
    return [*found, _tags(student, mesh)]


def sentence_batch(rows: int, width: int, *, whole: bool) -> Batch:
    """Shapes of what `EncodedSentences.batch` cuts, with a weight."""
    labelled = 1 if whole else width
    return {
        "tokens": shape("int32", rows, width),
        "token_mask": shape("bool", rows, width),
        "word_mask": shape("bool", rows, labelled),
        "labels": shape("int32", rows, labelled),
        "label_mask": shape("bool", rows, labelled),
        "weight": shape("float32", rows),
    }


def signals(
    parts: Sequence[Part], teacher: LabellerConfig, layer: int, rows: int, width: int
) -> Batch:
    """Shapes of what a teacher says of a batch, as far as it is asked."""
    length = 1 if teacher.pools else width
    found: dict[str, Any] = {}
    if "representation" in parts:
        found["hidden"] = shape("float32", rows, length, teacher.width_of(layer))
    if "logits" in parts:
        found["logits"] = shape("float32", rows, length, len(teacher.labels))
    return {"signals": TeacherSignal(**found)} if found else {}


def _teacher_update(
    name: str,
    leg: LegConfig,
    model: EncoderLabellerConfig,
    mesh: Mesh,
    computing: Computing,
) -> Program:
    rows, width = leg.batches.batch_size, leg.batches.widths[-1]
    batch = sentence_batch(rows, width, whole=model.pools)
    params: dict[str, Any] = {"student": labeller.parameter_shapes(model)}
    if name == "masked":
        params["bridge"] = guess_shapes(model.encoder)
        batch |= hidden_places(rows, width)
        forward, term = make_masked_forward(model.encoder), masked_ce_term()
        moving: tuple[str, ...] = ("^student/transformer/", "^bridge/")
    else:
        forward, term = make_label_forward(model, model.num_layers), label_term()
        moving = ("^student/",)
    stage = unfed(forward, Objective((term,)), moving, leg.optimizer, leg.loop)
    lower = update(stage, params, batch, mesh, computing)
    head_width = model.encoder.head_width
    widths = leg.batches.widths
    return Program(f"teacher update, {name}", lower, params, rows, widths, head_width)


def _student_update(
    stage: SubStage,
    config: TaggingStudentConfig,
    model: BilstmLabellerConfig,
    teacher: EncoderLabellerConfig,
    mesh: Mesh,
    computing: Computing,
) -> Program:
    params: dict[str, Any] = {"student": labeller.parameter_shapes(model)}
    if config.model.projection == "bridge" and "representation" in config.parts:
        taught = teacher.width_of(config.layer)
        params["bridge"] = bridge_shapes(2 * model.hidden, taught)
    rows, width = config.batches.batch_size, config.batches.widths[-1]
    batch = sentence_batch(rows, width, whole=model.pools)
    batch |= signals(stage.parts, teacher, config.layer, rows, width)
    weights: dict[Part, float] = dict(zip(PARTS, config.weights, strict=True))
    asked = unfed(
        make_student_forward(model),
        make_objective(stage.parts, config.distance, weights),
        stage.trainable,
        config.scheduled(stage),
        config.loop_of(stage),
    )
    lower = update(asked, params, batch, mesh, computing)
    name = f"student update, {' + '.join(stage.parts)}"
    return Program(name, lower, params, rows, config.batches.widths)


def _signals(model: EncoderLabellerConfig, layer: int, mesh: Mesh) -> Program:
    """What a cache asks of the teacher: logits and states of a full batch."""
    params = placed(labeller.parameter_shapes(model), mesh)
    shown, about = _full_batch(model, mesh)
    asked = labelling.label_pass(mesh)
    lower = functools.partial(asked.lower, params, *shown, model, layer)
    width = model.encoder.head_width
    return Program("teacher, signals", lower, params, *about, width)


def _tags(model: BilstmLabellerConfig, mesh: Mesh) -> Program:
    """The student's likeliest labels of a full batch."""
    params = placed(labeller.parameter_shapes(model), mesh)
    shown, about = _full_batch(model, mesh)
    asked = labelling.best_pass(mesh)
    lower = functools.partial(asked.lower, params, *shown, model)
    return Program("student, tags", lower, params, *about)


def _full_batch(
    model: LabellerConfig, mesh: Mesh
) -> tuple[tuple[Any, Any], tuple[int, tuple[int, ...]]]:
    """Shapes of tokens and mask; rows, and the widths that a run may meet."""
    rows, width = meshes.filled_up(mesh, 128), model.max_length
    shown = (shape("int32", rows, width), shape("bool", rows, width))
    return shown, (rows, padded_widths(width))
