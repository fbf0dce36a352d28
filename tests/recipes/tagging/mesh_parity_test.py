"""Teacher and student train over any mesh as they do on one device."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import parity
import pytest
import toy_tagging

from epik_jax.models import initial, labeller
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.recipes.tagging.curriculum import student_stages
from epik_jax.recipes.tagging.labels import label_term, make_label_forward
from epik_jax.recipes.tagging.start import initial_student

CONFIG = toy_tagging.student(
    strategy="D4.1", batches=RowBatchConfig(8, (toy_tagging.WIDTH,))
)
PARTS = ("representation", "logits", "labels")


@functools.cache
def stages():
    """Of a student, by part, and what they begin with."""
    material = toy_tagging.material()
    pieces = toy_tagging.PIECES.pruned(np.unique(material.encoded.tokens.values))
    model = CONFIG.model.sized(pieces.size, material.teacher.config, CONFIG.layer)
    found = student_stages(CONFIG, model, pieces, material, "student")
    params = initial_student(CONFIG, model, pieces, material.teacher)
    return {x: next(s for s in found if s.name.endswith(x)) for x in PARTS}, params


@functools.cache
def updates(part, data, model):
    """What comes of a part of the student's training over one mesh."""
    found, params = stages()
    return parity.updated(found[part], params, data, model)


@functools.cache
def teacher_updates(data, model):
    """What comes of teaching an encoder labels over one mesh."""
    config = toy_tagging.ENCODER
    stage = dataclasses.replace(
        stages()[0]["labels"],
        forward=make_label_forward(config, 1),
        objective=Objective((label_term(),)),
        trainable=("^student/",),
    )
    drawn = initial.init_params(labeller.parameter_shapes(config), 0)
    return parity.updated(stage, {"student": drawn}, data, model)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("shape", [(8, 1), (2, 4)])
def test_any_mesh_trains_a_student_as_one_device_does(part, shape):
    parity.demand_equal(updates(part, *shape), updates(part, 1, 1))


@pytest.mark.parametrize("shape", parity.SHAPES)
def test_any_mesh_trains_a_teacher_as_one_device_does(shape):
    parity.demand_equal(teacher_updates(*shape), teacher_updates(1, 1))
