"""A batch in parts is the same update in less memory."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from epik_jax import trees
from epik_jax.objectives.objective import Objective, Term
from epik_jax.recipes.transliteration.supervised import make_forward
from epik_jax.training.optimizer import OptimizerConfig, make_optimizer
from epik_jax.training.step import init_state, make_train_step

CONFIG = tiny.config(dropout=0.0, encoder_layers=3)
ALL = ("^student/",)
OPTIMIZER = make_optimizer(OptimizerConfig(1e-2, warmup_steps=0), 10)


def compiled(config=CONFIG, rows=8, width=5, **how):
    forward = make_forward(config, tiny.PAD)
    step = make_train_step(forward, tiny.OBJECTIVE, OPTIMIZER, ALL, **how)
    state = init_state({"student": tiny.params(config)}, OPTIMIZER, ALL, seed=0)
    batch = tiny.batch(batch_size=rows, width_S=width)
    return jax.jit(step).lower(state, batch).compile(), state, batch


@functools.cache
def updated(num_microbatches=1):
    step, state, batch = compiled(num_microbatches=num_microbatches)
    state, means = jax.device_get(step(state, batch))
    return trees.flatten(state.params), means


@pytest.mark.parametrize("num_microbatches", [2, 4, 8])
def test_parts_of_unequal_length_make_the_update_of_the_whole(num_microbatches):
    (expected, whole), (found, means) = updated(), updated(num_microbatches)
    for path, leaf in found.items():
        # Its gradient is rounding error, which Adam makes large.
        if not path.endswith("key/bias"):
            np.testing.assert_allclose(leaf, expected[path], atol=5e-6, err_msg=path)
    assert set(means) == set(whole)
    for name, mean in means.items():
        np.testing.assert_allclose(mean.total, whole[name].total, rtol=1e-5)
        np.testing.assert_allclose(mean.count, whole[name].count, rtol=1e-5)


def test_each_part_is_dropped_out_in_its_own_way():
    def forward(params, batch, *, key):
        drawn = jax.random.normal(key, batch["weight"].shape)
        return drawn * params["student"]["scale"]

    drawn = Objective((Term("drawn", lambda o, b: (o, b["weight"] > 0)),))
    step = make_train_step(forward, drawn, OPTIMIZER, ALL, num_microbatches=2)
    state = init_state({"student": {"scale": jnp.ones(())}}, OPTIMIZER, ALL, seed=0)
    _, means = jax.jit(step)(state, {"weight": np.ones(4, np.float32)})
    key = jax.random.fold_in(jax.random.key(0), 0)
    each = [jax.random.normal(jax.random.fold_in(key, n), (2,)).sum() for n in (0, 1)]
    assert each[0] != each[1]
    np.testing.assert_allclose(means["drawn"].total, sum(each), rtol=1e-6)


def test_a_batch_that_has_no_equal_parts_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match="a batch of 8 rows has no 3 equal parts"):
        compiled(num_microbatches=3)


def test_parts_need_less_memory():
    wide = tiny.config(dropout=0.0, max_length=64)
    whole, parts = (
        compiled(wide, rows=32, width=60, num_microbatches=num)[0].memory_analysis()
        for num in (1, 4)
    )
    assert parts.temp_size_in_bytes < 0.5 * whole.temp_size_in_bytes
