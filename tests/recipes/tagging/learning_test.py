"""A student comes nearer to its teacher, by whatever distance, on what it never saw."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import toy_tagging
from toy_tagging import PIECES

from epik_jax.parallel.mesh import make_mesh, to_global
from epik_jax.recipes.recipe import compile_step
from epik_jax.recipes.tagging.curriculum import student_stages
from epik_jax.recipes.tagging.start import initial_student

NUM_STEPS = 40
MATERIAL = toy_tagging.material()


def costs(part: str, **changes):
    """What a stage's own validation says of a student before and behind its steps."""
    config, material = toy_tagging.student(strategy="D4.1", **changes), MATERIAL
    pieces = PIECES.pruned(np.unique(material.encoded.tokens.values))
    model = config.model.sized(pieces.size, material.teacher.config, config.layer)
    params = initial_student(config, model, pieces, material.teacher)
    stages = student_stages(config, model, pieces, material, "student")
    [stage] = [s for s in stages if s.name.endswith(part)]
    mesh = make_mesh(1)
    before = stage.validate(params, mesh)
    state, step = compile_step(stage, params, mesh)
    for batch in itertools.islice(stage.batches(0), NUM_STEPS):
        state, _ = step(state, to_global(mesh, batch))
    return before["cost"], stage.validate(state.params, mesh)["cost"]


@pytest.mark.parametrize("distance", ["mse", "kl", "cosine", "clipped_kl"])
def test_states_come_nearer_by_every_distance(distance):
    before, after = costs("representation", distance=distance)
    assert before > 0 and after < 0.9 * before


def test_logits_come_nearer():
    before, after = costs("logits")
    assert before > 0 and after < 0.9 * before
