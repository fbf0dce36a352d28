"""What runs of TMKD compile: updates of teachers and student, and their passes.

Settings go in, programs come out, each of the widest shape that a run meets. Sizes are
those of the settings, whose number of pieces is the most that training text may give.
"""

from __future__ import annotations

import functools
from typing import Any

from jax.sharding import Mesh

from epik_jax.models import scorer, transformer
from epik_jax.models.computing import Computing
from epik_jax.models.scorer_config import EncoderScorerConfig, ScorerConfig
from epik_jax.objectives.objective import Objective, Term
from epik_jax.parallel import mesh as meshes
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.masked import guess_shapes, make_masked_forward, masked_ce_term
from epik_jax.recipes.program import (
    Program,
    hidden_places,
    leg_update,
    placed,
    shape,
    unfed,
    update,
)
from epik_jax.recipes.scoring.crowd_config import TeacherConfig
from epik_jax.recipes.scoring.labels import label_term, make_score_forward
from epik_jax.recipes.scoring.run import TmkdRun
from epik_jax.recipes.scoring.sizes import sized_encoder
from epik_jax.recipes.scoring.soft import make_hearing_forward, soft_term, voice_shapes
from epik_jax.recipes.scoring.student_config import PairStudentConfig
from epik_jax.structs import Batch
from epik_jax.teachers import scoring
from epik_jax.teachers.placed import padded_widths


def tmkd_programs(config: TmkdRun, mesh: Mesh) -> list[Program]:
    """Updates of teachers and student, what a cache asks, and how the student answers.

    Raises:
      ValueError: sizes are not in the settings but in a folder.
    """
    recipe, labels = config.tmkd, config.data.classes
    _demand_sizes(recipe.crowd.used, recipe.student)
    size, how, found = recipe.pieces.size, (mesh, config.compute), []
    for teacher in recipe.crowd.used:
        encoder = sized_encoder(teacher.model, size, matches=teacher.matches)
        theirs = EncoderScorerConfig(encoder, labels, matches=teacher.matches)
        if teacher.masked:
            found.append(_masked_update(teacher.name, teacher.masked, theirs, *how))
        found.append(_label_update(teacher.name, teacher.labels, theirs, *how))
        found.append(
            _pass(f"{teacher.name}, signals", scoring.logits_pass, theirs, mesh)
        )
    student = recipe.student
    num_voices = _num_voices(student, len(recipe.crowd.used))
    model = student.sized(size, labels, num_voices)
    if student.masked and isinstance(model, EncoderScorerConfig):
        found.append(_masked_update("student", student.masked, model, *how))
    legs = {"general": student.general, "task": student.task}
    if not student.plan.general:
        del legs["general"]
    for name, leg in legs.items():
        if leg:
            found.append(_student_update(name, leg, student, model, num_voices, *how))
    return [*found, _pass("student, scores", scoring.log_probs_pass, model, mesh)]


def pair_batch(rows: int, width: int) -> Batch:
    """Shapes of what `EncodedTextPairs.batch` cuts, with a weight."""
    return {
        "tokens": shape("int32", rows, width),
        "token_mask": shape("bool", rows, width),
        "types": shape("int32", rows, width),
        "labels": shape("int32", rows),
        "label_mask": shape("bool", rows),
        "weight": shape("float32", rows),
    }


def voices(rows: int, num_voices: int, num_classes: int) -> Batch:
    """Shapes of what teachers said of a batch."""
    if not num_voices:
        return {}
    return {
        "voices": shape("float32", rows, num_voices, num_classes),
        "asked": shape("bool", rows, num_voices),
        "voice_weights": shape("float32", rows, num_voices),
    }


def _demand_sizes(
    teachers: tuple[TeacherConfig, ...], student: PairStudentConfig
) -> None:
    folders = {f"teacher {t.name}": t.folder or t.start_folder for t in teachers}
    folders["student"] = student.general_folder or student.start_folder
    for who, folder in folders.items():
        if folder:
            raise ValueError(
                f"{who} is, or begins as, {folder}: compile-tpu takes sizes from the "
                "settings; leave the folder out and set tmkd.crowd.teachers, "
                "tmkd.student.encoder and tmkd.pieces.size to what it holds"
            )


def _num_voices(student: PairStudentConfig, num_teachers: int) -> int:
    """Headers beside that of people; of m-on-m each student has one."""
    heard = student.plan.heard
    return {"nobody": 0, "all": num_teachers}.get(heard, 1)


def _masked_update(
    name: str,
    leg: LegConfig,
    model: EncoderScorerConfig,
    mesh: Mesh,
    computing: Computing,
) -> Program:
    # Before there is anything that answers.
    encoder = {"transformer": transformer.parameter_shapes(model.encoder)}
    params = {"student": encoder, "bridge": guess_shapes(model.encoder)}
    rows, width = leg.batches.batch_size, leg.batches.widths[-1]
    batch = pair_batch(rows, width) | hidden_places(rows, width)
    stage = unfed(
        make_masked_forward(model.encoder),
        Objective((masked_ce_term(),)),
        ("^student/transformer/", "^bridge/"),
        leg.optimizer,
        leg.loop,
    )
    lower = update(stage, params, batch, mesh, computing)
    widths, head_width = leg.batches.widths, _head_width(model)
    return Program(f"{name} update, masked", lower, params, rows, widths, head_width)


def _label_update(
    name: str,
    leg: LegConfig,
    model: EncoderScorerConfig,
    mesh: Mesh,
    computing: Computing,
) -> Program:
    params = {"student": scorer.parameter_shapes(model)}
    batch = pair_batch(leg.batches.batch_size, leg.batches.widths[-1])
    return leg_update(
        f"{name} update, labels",
        params,
        batch,
        make_score_forward(model),
        (label_term(),),
        *(leg, mesh, computing, _head_width(model)),
    )


def _student_update(
    name: str,
    leg: LegConfig,
    config: PairStudentConfig,
    model: ScorerConfig,
    num_voices: int,
    mesh: Mesh,
    computing: Computing,
) -> Program:
    student = {"student": scorer.parameter_shapes(model)}
    params = student | voice_shapes(config.soft, num_voices)
    rows, width = leg.batches.batch_size, leg.batches.widths[-1]
    batch = pair_batch(rows, width) | voices(rows, num_voices, len(model.labels))
    ratio = config.soft.ratio if num_voices else 0.0
    terms: tuple[Term, ...] = (soft_term(config.soft),)
    if name == "task":
        soft = (soft_term(config.soft, ratio),) if num_voices else ()
        terms = (label_term(1.0 - ratio), *soft)
    return leg_update(
        f"student update, {name}",
        params,
        batch,
        make_hearing_forward(model),
        terms,
        *(leg, mesh, computing, _head_width(model)),
    )


def _pass(name: str, make_pass: Any, model: ScorerConfig, mesh: Mesh) -> Program:
    """What is answered to a full batch of the longest pairs."""
    params = placed(scorer.parameter_shapes(model), mesh)
    rows, width = meshes.filled_up(mesh, 128), model.max_length
    ids, mask = shape("int32", rows, width), shape("bool", rows, width)
    lower = functools.partial(make_pass(mesh).lower, params, ids, mask, ids, model)
    widths = padded_widths(width)
    return Program(name, lower, params, rows, widths, _head_width(model))


def _head_width(model: ScorerConfig) -> int | None:
    if isinstance(model, EncoderScorerConfig):
        return model.encoder.head_width
    return None
