"""Heads that begin by looking beside themselves do so, whatever stands there."""

from __future__ import annotations

import numpy as np
import pytest

from epik_jax import trees
from epik_jax.models import initial, transformer
from epik_jax.models.neighbours import demand_offsets, look_beside
from epik_jax.recipes.encoder_config import EncoderConfig

OFFSETS = (-1, 1, -2, 0)
SIZES = EncoderConfig(256, 4, 16, 2, 40, matmul_dtype="float32")
CONFIG = SIZES.sized(50)
LENGTH = 24


@pytest.fixture(scope="module")
def drawn():
    shapes = transformer.parameter_shapes(CONFIG)
    return initial.init_params(shapes, 3)


def attention(params, block, head):
    """Of one head in the first block, over random tokens: [LENGTH, LENGTH]."""
    tokens = np.random.default_rng(0).integers(0, 50, LENGTH)
    x = params["embedding"][tokens] * 16.0 + params["position_embedding"][:LENGTH]
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    found = params["encoder"][f"block_{block:02d}"]["attention"]
    columns = slice(64 * head, 64 * head + 64)
    query, key = (x @ found[name]["kernel"][:, columns] for name in ("query", "key"))
    logits = query @ key.T / 8.0
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize(("head", "offset"), list(enumerate(OFFSETS)))
def test_a_head_looks_at_the_place_of_its_offset(drawn, block, head, offset):
    params = look_beside(drawn, CONFIG, OFFSETS)
    places = np.arange(2, LENGTH - 2)
    looked_at = attention(params, block, head)[places].argmax(axis=1)
    assert (looked_at == places + offset).mean() > 0.9
    before = attention(drawn, block, head)[places].argmax(axis=1)
    assert (before == places + offset).mean() < 0.5


def test_other_heads_and_other_parameters_are_left_as_they_are(drawn):
    params = trees.flatten(look_beside(drawn, CONFIG, OFFSETS[:3]))
    for path, leaf in trees.flatten(drawn).items():
        turned = "query/kernel" in path or "key/kernel" in path
        if turned:
            assert (params[path][:, :192] != leaf[:, :192]).any()
            leaf, params[path] = leaf[:, 192:], params[path][:, 192:]
        if path != "position_embedding":
            np.testing.assert_array_equal(params[path], leaf, err_msg=path)
        assert params[path].dtype == np.float32


def test_offsets_that_no_head_can_have_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 2, 3\) are more than 2 heads"):
        demand_offsets((1, 2, 3), 2, 64)
    with pytest.raises(ValueError, match="a head of 5 numbers"):
        demand_offsets((1,), 2, 10)
    demand_offsets((), 2, 10)
