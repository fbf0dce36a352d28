"""The parts that transformers are made of, as Linen modules.

Attention takes keys and values as arguments, so that a caller may keep them between
steps; no module holds state of its own. Results are of the type of what a module reads,
float32 or bfloat16; sums, softmax and statistics are float32 either way.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from epik_jax.models.computing import exact
from epik_jax.models.config import TransformerConfig
from epik_jax.structs import Array

MASKED = -1e9
"""Added in place of a masked attention logit; finite, so that softmax stays finite."""

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": nn.gelu,
    "gelu_exact": functools.partial(nn.gelu, approximate=False),
    "relu": nn.relu,
}


def einsum(spec: str, dtype: str, left: Array, right: Array) -> Array:
    """A product of two arrays computed from `dtype`, summed in float32.

    XLA runs a bfloat16 product fast on CPUs only when it is asked for a float32
    result, and differentiating one gives mixed products that are slow again: hence
    the gradient of our own, which asks the same of both backward products.

    Args:
      spec: explicit, such as "bd,df->bf"; each letter of an operand must stand in
        the other operand or in the result.
      dtype: "float32" or "bfloat16".
      left: float32 or bfloat16; its gradient is of the same type.
      right: likewise.

    Returns:
      float32, of the shape that `spec` names.
    """
    given = (left.dtype.name, right.dtype.name)
    return _product(spec, dtype, given, left, right)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _product(
    spec: str, dtype: str, given: tuple[str, str], left: Array, right: Array
) -> Array:
    return _product_forward(spec, dtype, given, left, right)[0]


def _product_forward(
    spec: str, dtype: str, given: tuple[str, str], left: Array, right: Array
) -> tuple[Array, tuple[Array, Array]]:
    left, right = left.astype(dtype), right.astype(dtype)
    product = jnp.einsum(spec, left, right, preferred_element_type=jnp.float32)
    return product, (left, right)


def _product_backward(
    spec: str,
    dtype: str,
    given: tuple[str, str],
    saved: tuple[Array, Array],
    gradient: Array,
) -> tuple[Array, Array]:
    operands, out = spec.split("->")
    left, right = operands.split(",")
    gradient = gradient.astype(dtype)
    ours = jnp.einsum(
        f"{out},{right}->{left}",
        gradient,
        saved[1],
        preferred_element_type=jnp.float32,
    )
    theirs = jnp.einsum(
        f"{left},{out}->{right}",
        saved[0],
        gradient,
        preferred_element_type=jnp.float32,
    )
    return ours.astype(given[0]), theirs.astype(given[1])


_product.defvjp(_product_forward, _product_backward)


def lightly(function: Callable[..., Array], x: Array, *params: Array) -> Array:
    """An elementwise function in float32; of a bfloat16 argument that alone is kept.

    What lies between is computed again for the gradient, for it would be float32: more
    room than the product takes whose result is read.

    Args:
      function: of `x`, as float32, and of parameters.
      x: float32 or bfloat16, of any shape.
      *params: float32.

    Returns:
      What the function gives, of the type of `x`.
    """

    def rounded(x: Array, *params: Array) -> Array:
        return function(exact(x), *params).astype(x.dtype)

    kept = x.dtype == jnp.float32
    return rounded(x, *params) if kept else jax.checkpoint(rounded)(x, *params)


def softmax(logits: Array, dtype: Any) -> Array:
    """Probabilities over the last axis, computed in float32.

    Args:
      logits: float32.
      dtype: of the result, which alone is kept for the gradient where it is bfloat16.
    """
    if dtype == jnp.float32:
        return jax.nn.softmax(logits, axis=-1)
    return _coarse_softmax(logits)


@jax.custom_vjp
def _coarse_softmax(logits: Array) -> Array:
    return jax.nn.softmax(logits, axis=-1).astype(jnp.bfloat16)


def _coarse_softmax_forward(logits: Array) -> tuple[Array, Array]:
    probs = _coarse_softmax(logits)
    return probs, probs


def _coarse_softmax_backward(probs: Array, gradient: Array) -> tuple[Array]:
    share = exact(probs) * exact(gradient)
    return (share - exact(probs) * share.sum(axis=-1, keepdims=True),)


_coarse_softmax.defvjp(_coarse_softmax_forward, _coarse_softmax_backward)


def dropout(x: Array, rate: float, key: Array | None) -> Array:
    """Zeroes elements at `rate` (to 1/256) and rescales the rest; `key=None` is off.

    Args:
      x: float32 or bfloat16, of any shape.
      rate: in [0, 1).
      key: a PRNG key, or None.
    """
    if key is None or rate == 0.0:
        return x
    threshold = round(rate * 256)
    kept = random_bytes(key, x.shape) >= threshold
    return jnp.where(kept, x * (256.0 / (256.0 - threshold)), 0.0)


def random_bytes(key: Array, shape: tuple[int, ...]) -> Array:
    """Bytes that look random enough to drop units by: uint8 of `shape`.

    Each place is hashed with two words drawn from the key (the mixing steps of
    MurmurHash3). JAX's own generators take a quarter of a training step on a CPU for
    the same masks. Not for sampling.
    """
    offset, flip = jax.random.bits(key, (2,), jnp.uint32)
    num_words = -(-math.prod(shape) // 4)
    words = jax.lax.iota(jnp.uint32, num_words) * jnp.uint32(0x9E3779B9) + offset
    words = (words ^ flip) * jnp.uint32(0x85EBCA6B)
    words = (words ^ (words >> 13)) * jnp.uint32(0xC2B2AE35)
    words = words ^ (words >> 16)
    loose = jax.lax.bitcast_convert_type(words, jnp.uint8).reshape(-1)  # [N, 4] -> [4N]
    return loose[: math.prod(shape)].reshape(shape)


class Dense(nn.Module):
    """An affine map of the last axis: kernel [in, out], bias [out]."""

    features: int
    matmul_dtype: str

    @nn.compact
    def __call__(self, x_BTD: Array) -> Array:
        """[B, T, in] -> [B, T, out]."""
        shape = (x_BTD.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        out_BTF = einsum("btd,df->btf", self.matmul_dtype, x_BTD, kernel)
        return (out_BTF + bias[None, None, :]).astype(x_BTD.dtype)


class Attention(nn.Module):
    """Multi-head attention whose keys and values are the caller's."""

    config: TransformerConfig

    def setup(self) -> None:
        """Four projections of the residual width."""
        width, dtype = self.config.width, self.config.matmul_dtype
        self.query = Dense(width, dtype)
        self.key = Dense(width, dtype)
        self.value = Dense(width, dtype)
        self.out = Dense(width, dtype)

    def keys_values(self, x_BLD: Array) -> tuple[Array, Array]:
        """Projects what is attended to: two arrays [B, H, L, K]."""
        return self._heads(self.key(x_BLD)), self._heads(self.value(x_BLD))

    def attend(
        self, x_BTD: Array, key_BHLK: Array, value_BHLK: Array, mask_BTL: Array
    ) -> tuple[Array, Array]:
        """Reads values by the similarity of queries and keys.

        Args:
          x_BTD: where the queries come from.
          key_BHLK: from `keys_values`.
          value_BHLK: from `keys_values`.
          mask_BTL: bool, broadcastable; true where a key may be read.

        Returns:
          [B, T, D], and the attention probabilities [B, H, T, L].
        """
        dtype = self.config.matmul_dtype
        query_BHTK = self._heads(self.query(x_BTD)) * self.config.head_width**-0.5
        logits_BHTL = einsum("bhtk,bhlk->bhtl", dtype, query_BHTK, key_BHLK)
        logits_BHTL = jnp.where(mask_BTL[:, None], logits_BHTL, MASKED)
        probs_BHTL = softmax(logits_BHTL, x_BTD.dtype)
        read_BHTK = einsum("bhtl,bhlk->bhtk", dtype, probs_BHTL, value_BHLK)
        read_BHTK = read_BHTK.astype(x_BTD.dtype)
        read_BTHK = read_BHTK.swapaxes(1, 2)  # [B, H, T, K] -> [B, T, H, K]
        return self.out(read_BTHK.reshape(x_BTD.shape)), probs_BHTL

    def __call__(self, x_BTD: Array, memory_BLD: Array, mask_BTL: Array) -> Array:
        """Attention from `x_BTD` to `memory_BLD`."""
        keys, values = self.keys_values(memory_BLD)
        return self.attend(x_BTD, keys, values, mask_BTL)[0]

    def _heads(self, x_BLD: Array) -> Array:
        B, L, _ = x_BLD.shape
        heads_BLHK = x_BLD.reshape(B, L, self.config.num_heads, -1)
        return heads_BLHK.swapaxes(1, 2)  # [B, L, H, K] -> [B, H, L, K]


class FeedForward(nn.Module):
    """Two affine maps with a non-linearity between them."""

    config: TransformerConfig

    @nn.compact
    def __call__(self, x_BLD: Array) -> Array:
        """[B, L, D] -> [B, L, D]."""
        activation = ACTIVATIONS[self.config.activation]
        dtype = self.config.matmul_dtype
        inner = Dense(self.config.feed_forward, dtype, name="inner")(x_BLD)
        active = lightly(activation, inner)
        return Dense(self.config.width, dtype, name="outer")(active)


class LayerNorm(nn.Module):
    """Layer norm over the last axis with a scale and a bias."""

    epsilon: float

    @nn.compact
    def __call__(self, x_BLD: Array) -> Array:
        """[..., D] -> [..., D]."""
        features = (x_BLD.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, features)
        bias = self.param("bias", nn.initializers.zeros, features)
        return lightly(self._normal, x_BLD, scale, bias)

    def _normal(self, x_BLD: Array, scale: Array, bias: Array) -> Array:
        centred = x_BLD - jnp.mean(x_BLD, axis=-1, keepdims=True)
        variance = jnp.mean(jnp.square(centred), axis=-1, keepdims=True)
        unit = centred * jax.lax.rsqrt(variance + self.epsilon)
        over_rows = (None,) * (x_BLD.ndim - 1)
        return unit * scale[over_rows] + bias[over_rows]
