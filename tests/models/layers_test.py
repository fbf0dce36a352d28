"""Layers against flax's own, products against jnp's, masks by statistics."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from epik_jax.models import layers

RNG = np.random.default_rng(0)


def _normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def test_layer_norm_equals_flaxs():
    x = 3 * _normal(2, 5, 16) + 1
    variables = {"params": {"scale": _normal(16), "bias": _normal(16)}}
    ours = jax.jit(layers.LayerNorm(1e-5).apply)(variables, x)
    theirs = nn.LayerNorm(epsilon=1e-5, use_fast_variance=False)
    # Flax's own broadcasting of scale and bias is what strict ranks refuse.
    with jax.numpy_rank_promotion("allow"):
        expected = jax.jit(theirs.apply)(variables, x)
    np.testing.assert_allclose(ours, expected, atol=2e-6)


def test_layer_norm_of_a_large_offset_keeps_its_digits():
    x = _normal(1, 4, 16)
    variables = {"params": {"scale": np.ones(16), "bias": np.zeros(16)}}
    norm = jax.jit(layers.LayerNorm(1e-5).apply)
    near, far = (norm(variables, x + np.float32(c)) for c in (0, 1000))
    np.testing.assert_allclose(near, far, atol=2e-3)


def _attention_params(width):
    names = ("query", "key", "value", "out")
    return {n: {"kernel": _normal(width, width), "bias": _normal(width)} for n in names}


def test_attention_equals_flaxs():
    config = tiny.config(width=16, num_heads=4)
    params = _attention_params(16)
    x_BTD, memory_BLD = _normal(3, 4, 16), _normal(3, 6, 16)
    mask_BTL = RNG.random((3, 4, 6)) < 0.6
    mask_BTL[..., 0] = True
    ours = jax.jit(layers.Attention(config).apply)(
        {"params": params}, x_BTD, memory_BLD, mask_BTL
    )
    by_head = {
        name: {
            "kernel": kernel["kernel"].reshape((16, 4, 4)),
            "bias": kernel["bias"].reshape(4, 4),
        }
        for name, kernel in params.items()
    }
    by_head["out"] = {
        "kernel": params["out"]["kernel"].reshape(4, 4, 16),
        "bias": params["out"]["bias"],
    }
    theirs = nn.MultiHeadDotProductAttention(num_heads=4, qkv_features=16)
    with jax.numpy_rank_promotion("allow"):
        expected = jax.jit(theirs.apply)(
            {"params": by_head}, x_BTD, memory_BLD, mask=mask_BTL[:, None]
        )
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


def test_attention_reads_nothing_that_is_masked_and_its_probabilities_sum_to_one():
    config = tiny.config(width=16, num_heads=4)
    x_BTD, mask_BTL = _normal(2, 3, 16), np.array([[[True] * 4 + [False] * 2]] * 2)
    keys, values = _normal(2, 4, 6, 4), _normal(2, 4, 6, 4)

    @jax.jit
    def attend(keys, values):
        return layers.Attention(config).apply(
            {"params": _PARAMS_16}, x_BTD, keys, values, mask_BTL, method="attend"
        )

    read, probs = attend(keys, values)
    np.testing.assert_allclose(probs.sum(-1), 1.0, rtol=1e-6)
    assert (probs[..., 4:] == 0).all() and (probs[..., :4] > 0).all()
    keys[..., 4:, :], values[..., 4:, :] = 1e6, -1e6
    np.testing.assert_array_equal(attend(keys, values)[0], read)


_PARAMS_16 = _attention_params(16)


def test_a_row_with_nothing_to_read_is_finite():
    config = tiny.config(width=16, num_heads=4)
    x_BTD = _normal(1, 2, 16)

    @jax.jit
    @jax.value_and_grad
    def total(x):
        attention = layers.Attention(config)
        nothing = np.zeros((1, 2, 2), bool)
        return attention.apply({"params": _PARAMS_16}, x, x, nothing).sum()

    value, gradient = total(x_BTD)
    assert np.isfinite(value) and np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("spec", "left", "right"),
    [
        ("btd,df->btf", (2, 3, 4), (4, 5)),
        ("btd,vd->btv", (2, 3, 4), (5, 4)),
        ("bhtk,bhlk->bhtl", (2, 2, 3, 4), (2, 2, 5, 4)),
        ("bhtl,bhlk->bhtk", (2, 2, 3, 5), (2, 2, 5, 4)),
    ],
)
def test_einsum_and_its_gradients_equal_jnps(spec, left, right):
    left, right = _normal(*left), _normal(*right)

    def gradients(product, left, right):
        def loss(*operands):
            return jnp.sum(jnp.sin(product(*operands)))

        return jax.value_and_grad(loss, argnums=(0, 1))(left, right)

    @jax.jit
    def three(left, right):
        plain = gradients(lambda a, b: jnp.einsum(spec, a, b), left, right)
        ours = (
            gradients(functools.partial(layers.einsum, spec, dtype), left, right)
            for dtype in ("float32", "bfloat16")
        )
        return plain, *ours

    plain, exact, coarse = three(left, right)
    for ours, theirs in zip(
        jax.tree.leaves(exact), jax.tree.leaves(plain), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(
        jax.tree.leaves(coarse), jax.tree.leaves(plain), strict=True
    ):
        assert ours.dtype == jnp.float32
        error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
        assert 0 < error < 0.05  # 0 would mean that bfloat16 was never used


def test_every_product_of_a_bfloat16_gradient_asks_for_a_float32_result():
    def loss(left, right):
        return layers.einsum("btd,df->btf", "bfloat16", left, right).sum()

    operands = _normal(2, 3, 4), _normal(4, 5)
    lowered = jax.jit(jax.value_and_grad(loss, argnums=(0, 1))).lower(*operands)
    products = [x for x in lowered.as_text().split("\n") if "dot_general" in x]
    assert len(products) >= 2
    for line in products:
        operands, result = line.split("->")
        assert operands.count("bf16>") == 2 and "f32>" in result, line


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_keeps_the_mean_and_zeroes_its_share(rate):
    x = np.ones((64, 64, 8), np.float32)
    dropped = np.asarray(layers.dropout(x, rate, jax.random.key(0)))
    assert (dropped == 0).mean() == pytest.approx(rate, abs=0.01)
    assert dropped.mean() == pytest.approx(1, abs=0.01)
    assert len(np.unique(dropped)) == 2


def test_dropout_is_off_without_a_key_and_differs_between_keys():
    x = np.ones((8, 8), np.float32)
    assert layers.dropout(x, 0.5, None) is x
    first, second = (layers.dropout(x, 0.5, jax.random.key(n)) for n in (0, 1))
    assert (first != second).mean() > 0.3
    np.testing.assert_array_equal(layers.dropout(x, 0.5, jax.random.key(0)), first)


def test_random_bytes_are_roughly_uniform_and_uncorrelated():
    drawn = np.stack(
        [layers.random_bytes(jax.random.key(n), (160, 160)) for n in range(16)]
    )
    assert drawn.dtype == np.uint8 and drawn.shape == (16, 160, 160)
    counts = np.bincount(drawn.ravel(), minlength=256)
    expected = drawn.size / 256
    # Chi-square of 255 degrees: 255 +- 23; a hash that leaves out a mixing step
    # gives thousands.
    assert ((counts - expected) ** 2 / expected).sum() < 400
    flat = drawn.reshape(16, -1).astype(np.float64) - 127.5
    for lag in (1, 2, 3, 4, 8, 160):
        correlation = (flat[:, lag:] * flat[:, :-lag]).mean() / flat.var()
        assert abs(correlation) < 0.01, lag
    between_keys = np.corrcoef(flat) - np.eye(16)
    assert abs(between_keys).max() < 0.04
