"""Devices change nothing: crowd, answers and student are those of one device."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import parity
import pytest
import toy_crowd
import toy_pairs
from toy_crowd import CORPUS, DATA, RECIPE, SIZES
from toy_epik import workplace

from epik_jax import trees
from epik_jax.data.order import whole
from epik_jax.models import initial, scorer
from epik_jax.objectives.objective import Objective
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes.recipe import Stage
from epik_jax.recipes.scoring.labels import label_term
from epik_jax.recipes.scoring.soft import make_hearing_forward, soft_term
from epik_jax.recipes.scoring.student_config import BilstmSizes, SoftConfig
from epik_jax.recipes.scoring.tmkd import gather_material, train_students
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

KINDS = ["encoder", "bilstm"]
BILSTM = dataclasses.replace(
    toy_crowd.STUDENT,
    kind="bilstm",
    start="random",
    bilstm=BilstmSizes(4, 4, SIZES.max_length, dropout=0.0, recurrent_dropout=0.0),
)


def at(folder, num):
    """A place of work on `num` by `num` devices."""
    return dataclasses.replace(workplace(folder), mesh=make_mesh(num, num))


@pytest.fixture(scope="module")
def materials(tmp_path_factory):
    """What a crowd says that was trained on one device, and on four."""
    places = {num: at(tmp_path_factory.mktemp(f"crowd-{num}"), num) for num in (1, 2)}
    return {
        num: gather_material(RECIPE, CORPUS, DATA, place, general=True)
        for num, place in places.items()
    }


def test_a_crowd_is_the_same_on_four_devices(materials):
    one, several = materials[1].train.logits, materials[2].train.logits
    np.testing.assert_allclose(several, one, atol=1e-4)


@pytest.mark.parametrize("student", [toy_crowd.STUDENT, BILSTM], ids=KINDS)
def test_a_student_of_a_crowd_is_the_same_on_four_devices(tmp_path, student, materials):
    def trained(num):
        material, place = materials[num], at(tmp_path / str(num), num)
        [taught] = train_students(student, material, place).values()
        return taught.student

    alone, spread = trained(1), trained(2)
    theirs = trees.flatten(alone.params)
    for path, leaf in trees.flatten(spread.params).items():
        np.testing.assert_allclose(leaf, theirs[path], atol=2e-4, err_msg=path)


@pytest.mark.parametrize("config", toy_pairs.CONFIGS, ids=KINDS)
def test_answers_are_the_same_on_eight_devices(config):
    alone = toy_pairs.network(config)
    spread = dataclasses.replace(alone, mesh=make_mesh(4, 2))
    expected = alone.probs(toy_pairs.PAIRS)
    np.testing.assert_allclose(spread.probs(toy_pairs.PAIRS), expected, atol=1e-5)


def batches(start, mine=whole):
    """Pairs that people and two voices judged."""
    for step in itertools.count(start):
        rng = np.random.default_rng(step)
        lengths = rng.integers(2, toy_pairs.MAX_LENGTH, (8, 1))
        batch = {
            "tokens": rng.integers(0, toy_pairs.PIECES.size, (8, toy_pairs.MAX_LENGTH)),
            "token_mask": np.arange(toy_pairs.MAX_LENGTH) < lengths,
            "types": np.tile(np.arange(toy_pairs.MAX_LENGTH) > 9, (8, 1)).astype(int),
            "labels": rng.integers(0, 2, 8),
            "label_mask": rng.random(8) > 0.2,
            "voices": rng.standard_normal((8, 2, 2), np.float32),
            "asked": rng.random((8, 2)) > 0.2,
            "voice_weights": rng.uniform(0.5, 1.5, (8, 2)).astype(np.float32),
            "weight": np.ones(8, np.float32),
        }
        yield {name: mine(rows) for name, rows in batch.items()}


@functools.cache
def updates(place, data, model, num_microbatches=1):
    """What comes of hearing people and voices over one mesh."""
    config = toy_pairs.CONFIGS[place]
    terms = (label_term(0.5), soft_term(SoftConfig(), 0.5))
    stage = Stage(
        name="task",
        batches=batches,
        forward=make_hearing_forward(config),
        objective=Objective(terms),
        trainable=("^student/",),
        optimizer=OptimizerConfig(1e-2, warmup_steps=5),
        loop=LoopConfig(num_steps=30, num_microbatches=num_microbatches),
        seed=0,
        inputs={},
    )
    drawn = initial.init_params(scorer.parameter_shapes(config), 0)
    return parity.updated(stage, {"student": drawn}, data, model)


@pytest.mark.parametrize(
    ("place", "shape"),
    [
        *((0, shape) for shape in parity.SHAPES),
        *((1, (8, 1)), (1, (2, 4))),
        # In two microbatches.
        (1, (4, 2, 2)),
    ],
)
def test_any_mesh_trains_a_scorer_as_one_device_does(place, shape):
    parity.demand_equal(updates(place, *shape), updates(place, 1, 1, *shape[2:]))
