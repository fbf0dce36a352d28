"""Blocks against the same wiring of flax's own layers."""

import flax.linen as nn
import jax
import numpy as np
import pytest
import tiny

from epik_jax.models import blocks

RNG = np.random.default_rng(0)
B, T, S = 3, 4, 5


def _drawn(module, *inputs):
    """Parameters of a module, every leaf drawn."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)["params"]
    return jax.tree.map(
        lambda leaf: RNG.normal(0, 0.3, leaf.shape).astype(np.float32), shapes
    )


def _norm(params, x):
    return nn.LayerNorm(epsilon=1e-5).apply({"params": params["norm"]}, x)


def _attention(params, x, memory, mask):
    """Flax keeps heads apart in its kernels: [D, D] -> [D, H, K]."""
    by_head = {
        name: {"kernel": p["kernel"].reshape(16, 2, 8), "bias": p["bias"].reshape(2, 8)}
        for name, p in params.items()
    }
    by_head["out"] = {
        "kernel": params["out"]["kernel"].reshape(2, 8, 16),
        "bias": params["out"]["bias"],
    }
    attention = nn.MultiHeadDotProductAttention(num_heads=2)
    return attention.apply({"params": by_head}, x, memory, mask=mask)


def _feed_forward(params, x, activation):
    inner = x @ params["inner"]["kernel"] + params["inner"]["bias"]
    return activation(inner) @ params["outer"]["kernel"] + params["outer"]["bias"]


def _residual(params, x, norm, change):
    """The two wirings by name: Xiong et al. 2020, figure 1."""
    if norm == "pre":
        return x + change(_norm(params, x))
    return _norm(params, x + change(x))


@pytest.mark.parametrize(("norm", "activation"), [("pre", "gelu"), ("post", "relu")])
def test_an_encoder_block_equals_flaxs_layers_wired_by_hand(norm, activation):
    block = blocks.EncoderBlock(tiny.config(norm=norm, activation=activation))
    x = RNG.normal(size=(B, S, 16)).astype(np.float32)
    mask_BS = np.arange(S) < np.array([5, 3, 1])[:, None]
    params = _drawn(block, x, mask_BS, None)
    ours = jax.jit(block.apply)({"params": params}, x, mask_BS, None)

    @jax.jit
    def by_hand(x):
        mask = mask_BS[:, None, None]
        read = lambda y: _attention(params["attention"], y, y, mask)  # noqa: E731
        fn = {"gelu": nn.gelu, "relu": nn.relu}[activation]
        change = lambda y: _feed_forward(params["feed_forward"], y, fn)  # noqa: E731
        x = _residual(params["attention_residual"], x, norm, read)
        return _residual(params["feed_forward_residual"], x, norm, change)

    with jax.numpy_rank_promotion("allow"):
        np.testing.assert_allclose(ours, by_hand(x), atol=3e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_decoder_block_equals_flaxs_layers_wired_by_hand(norm):
    config = tiny.config(norm=norm)
    x = RNG.normal(size=(B, T, 16)).astype(np.float32)
    hidden = RNG.normal(size=(B, S, 16)).astype(np.float32)
    mask_BS = np.arange(S) < np.array([5, 3, 1])[:, None]

    block = blocks.DecoderBlock(config)
    params = _drawn(block, x, hidden, mask_BS, None)
    ours, _ = jax.jit(block.apply)({"params": params}, x, hidden, mask_BS, None)

    @jax.jit
    def by_hand(x):
        causal, mask = nn.make_causal_mask(np.ones((B, T))), mask_BS[:, None, None]
        changes = {
            "attention": lambda y: _attention(params["attention"], y, y, causal),
            "cross_attention": lambda y: _attention(
                params["cross_attention"], y, hidden, mask
            ),
            "feed_forward": lambda y: _feed_forward(params["feed_forward"], y, nn.gelu),
        }
        for name, change in changes.items():
            x = _residual(params[f"{name}_residual"], x, norm, change)
        return x

    with jax.numpy_rank_promotion("allow"):
        np.testing.assert_allclose(ours, by_hand(x), atol=3e-5)


def test_no_key_splits_into_no_keys_and_a_key_into_different_ones():
    assert blocks.split_key(None, 3) == (None, None, None)
    keys = blocks.split_key(jax.random.key(0), 3)
    assert len({tuple(jax.random.key_data(k).tolist()) for k in keys}) == 3
