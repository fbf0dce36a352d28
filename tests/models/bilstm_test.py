"""The BiLSTM is flax's own, step by step, and padding is nothing to it."""

from __future__ import annotations

import flax.linen as nn
import jax
import numpy as np
import pytest

from epik_jax.models import layers
from epik_jax.models.bilstm import Bilstm

UNITS, WIDTH, LENGTHS = 5, 4, np.array([7, 4, 1])
MASK = np.arange(7) < LENGTHS[:, None]
X = np.random.default_rng(0).normal(size=(3, 7, WIDTH)).astype(np.float32)


def drawn(rate=0.0):
    module = Bilstm(UNITS, rate, "float32")
    shapes = module.init(jax.random.key(0), X, MASK)
    rng = np.random.default_rng(1)
    params = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes
    )
    return module, params


def cell_params(params, direction):
    """Our parameters of one direction under the names of flax's cell."""
    own = params["params"]
    kernel = own["input"]["kernel"].reshape(WIDTH, 2, 4, UNITS)[:, direction]
    bias = own["input"]["bias"].reshape(2, 4, UNITS)[direction]
    recurrent = own["recurrent_kernel"][direction].reshape(UNITS, 4, UNITS)
    one = {"f": 1.0}
    return {
        **{f"i{g}": {"kernel": kernel[:, i]} for i, g in enumerate("ifgo")},
        **{
            f"h{g}": {"kernel": recurrent[:, i], "bias": bias[i] + one.get(g, 0.0)}
            for i, g in enumerate("ifgo")
        },
    }


@pytest.mark.parametrize("direction", [0, 1], ids=["forward", "backward"])
def test_each_direction_is_flax_s_lstm_over_the_real_positions(direction):
    module, params = drawn()
    states, ends = jax.jit(module.apply)(params, X, MASK)
    oracle = nn.RNN(
        nn.OptimizedLSTMCell(UNITS),
        reverse=bool(direction),
        keep_order=True,
        return_carry=True,
    )
    (_, last), wanted = oracle.apply(
        {"params": {"cell": cell_params(params, direction)}}, X, seq_lengths=LENGTHS
    )
    units = slice(UNITS * direction, UNITS * (direction + 1))
    got = np.asarray(states)[MASK][:, units]
    np.testing.assert_allclose(got, np.asarray(wanted)[MASK], atol=1e-6)
    np.testing.assert_allclose(ends[:, units], last, atol=1e-6)


def test_padding_changes_nothing_and_gets_nothing():
    module, params = drawn()
    states, ends = module.apply(params, X, MASK)
    wider = np.concatenate([X, np.full((3, 2, WIDTH), np.nan, np.float32)], axis=1)
    mask = np.concatenate([MASK, np.zeros((3, 2), bool)], axis=1)
    padded, padded_ends = module.apply(params, wider, mask)
    np.testing.assert_allclose(padded[:, :7], states, atol=1e-6)
    np.testing.assert_allclose(padded_ends, ends, atol=1e-6)
    assert not np.asarray(states)[~MASK].any()


def test_one_recurrent_mask_holds_for_a_whole_sequence():
    """With a state that drops the same units always, these units never count."""
    module, params = drawn(0.5)
    dropped = jax.random.key(3)
    states, _ = module.apply(params, X, MASK, dropped)
    kept = np.asarray(layers.dropout(np.ones((2, 3, UNITS), np.float32), 0.5, dropped))
    assert set(np.unique(kept)) == {0.0, 2.0}
    for row in range(3):
        scaled = jax.tree.map(np.array, params)
        kernel = scaled["params"]["recurrent_kernel"]
        scaled["params"]["recurrent_kernel"] = kernel * kept[:, row, :, None]
        plain, _ = Bilstm(UNITS, 0.0, "float32").apply(scaled, X, MASK)
        np.testing.assert_allclose(states[row], plain[row], atol=1e-6)
    again, _ = module.apply(params, X, MASK, jax.random.key(4))
    assert np.abs(np.asarray(again) - np.asarray(states)).max() > 0.01
