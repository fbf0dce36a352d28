"""Devices change nothing: crowd, answers and student are those of one device."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_crowd
import toy_pairs
from toy_crowd import CORPUS, DATA, RECIPE, SIZES
from toy_epik import workplace

from epik_jax import trees
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes.scoring.student_config import BilstmSizes
from epik_jax.recipes.scoring.tmkd import gather_material, train_students

KINDS = ["encoder", "bilstm"]
BILSTM = dataclasses.replace(
    toy_crowd.STUDENT,
    kind="bilstm",
    start="random",
    bilstm=BilstmSizes(4, 4, SIZES.max_length, dropout=0.0, recurrent_dropout=0.0),
)


def trained(folder, student, mesh):
    folder.mkdir()
    at = dataclasses.replace(workplace(folder), mesh=mesh)
    recipe = dataclasses.replace(RECIPE, student=student)
    material = gather_material(recipe, CORPUS, DATA, at, general=True)
    [taught] = train_students(student, material, at).values()
    return material, taught.student


@pytest.mark.parametrize("student", [toy_crowd.STUDENT, BILSTM], ids=KINDS)
def test_a_crowd_and_its_student_are_the_same_on_four_devices(tmp_path, student):
    (one, alone), (several, spread) = (
        trained(tmp_path / str(n), student, make_mesh(n, n)) for n in (1, 2)
    )
    np.testing.assert_allclose(several.train.logits, one.train.logits, atol=1e-4)
    theirs = trees.flatten(alone.params)
    for path, leaf in trees.flatten(spread.params).items():
        np.testing.assert_allclose(leaf, theirs[path], atol=2e-4, err_msg=path)


@pytest.mark.parametrize("config", toy_pairs.CONFIGS, ids=KINDS)
def test_answers_are_the_same_on_eight_devices(config):
    alone = toy_pairs.network(config)
    spread = dataclasses.replace(alone, mesh=make_mesh(4, 2))
    expected = alone.probs(toy_pairs.PAIRS)
    np.testing.assert_allclose(spread.probs(toy_pairs.PAIRS), expected, atol=1e-5)
