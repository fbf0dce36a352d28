"""Encoder and decoder blocks: attention and feed-forward between residuals.

A block maps hidden states to hidden states. The decoder block runs on all positions at
once, or on one new position of each beam with the keys and values of the past given.
What it gives is of the type of what it reads, float32 or bfloat16.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from epik_jax.models import layers
from epik_jax.models.config import TransformerConfig
from epik_jax.structs import Array

KeysValues = tuple[Array, Array]
Keys = tuple[Array | None, ...]


def split_key(key: Array | None, num: int) -> Keys:
    """`num` keys, or as many Nones where there is no key."""
    return (None,) * num if key is None else tuple(jax.random.split(key, num))


class Residual(nn.Module):
    """What stands before and after a map on the residual stream: norm and dropout."""

    config: TransformerConfig

    def setup(self) -> None:
        """One layer norm, before or after."""
        self.norm = layers.LayerNorm(self.config.norm_epsilon)

    def enter(self, x_BLD: Array) -> Array:
        """What the map reads."""
        return self.norm(x_BLD) if self.config.norm == "pre" else x_BLD

    def leave(self, x_BLD: Array, change_BLD: Array, key: Array | None) -> Array:
        """The stream after the map's change."""
        x_BLD = x_BLD + layers.dropout(change_BLD, self.config.dropout, key)
        return x_BLD if self.config.norm == "pre" else self.norm(x_BLD)


class EncoderBlock(nn.Module):
    """Self-attention, then feed-forward."""

    config: TransformerConfig

    def setup(self) -> None:
        """Two maps, each with its residual."""
        self.attention = layers.Attention(self.config)
        self.attention_residual = Residual(self.config)
        self.feed_forward = layers.FeedForward(self.config)
        self.feed_forward_residual = Residual(self.config)

    def __call__(self, x_BLD: Array, mask_BL: Array, key: Array | None) -> Array:
        """[B, L, D] -> [B, L, D]; only unmasked positions are read."""
        keys = split_key(key, 2)
        y_BLD = self.attention_residual.enter(x_BLD)
        read_BLD = self.attention(y_BLD, y_BLD, mask_BL[:, None, :])
        x_BLD = self.attention_residual.leave(x_BLD, read_BLD, keys[0])
        y_BLD = self.feed_forward_residual.enter(x_BLD)
        change_BLD = self.feed_forward(y_BLD)
        return self.feed_forward_residual.leave(x_BLD, change_BLD, keys[1])


class DecoderBlock(nn.Module):
    """Self-attention, attention to the memory, feed-forward."""

    config: TransformerConfig

    def setup(self) -> None:
        """Three maps, each with its residual."""
        self.attention = layers.Attention(self.config)
        self.attention_residual = Residual(self.config)
        self.cross_attention = layers.Attention(self.config)
        self.cross_attention_residual = Residual(self.config)
        self.feed_forward = layers.FeedForward(self.config)
        self.feed_forward_residual = Residual(self.config)

    def __call__(
        self, x_BTD: Array, memory_BSD: Array, mask_BS: Array, key: Array | None
    ) -> tuple[Array, Array]:
        """All positions at once, each reading itself and those before it.

        Args:
          x_BTD: the residual stream.
          memory_BSD: states that the encoder wrote.
          mask_BS: bool, true where the memory may be read.
          key: for dropout, or None.

        Returns:
          [B, T, D], and the attention to the memory [B, H, T, S].
        """
        keys = split_key(key, 3)
        memory = self.cross_attention.keys_values(memory_BSD)
        T = x_BTD.shape[1]
        causal = jnp.tril(jnp.ones((T, T), bool))[None]
        y_BTD = self.attention_residual.enter(x_BTD)
        read_BTD = self.attention(y_BTD, y_BTD, causal)
        x_BTD = self.attention_residual.leave(x_BTD, read_BTD, keys[0])
        return self._read_memory(x_BTD, memory, mask_BS, keys[1:])

    def step(
        self,
        x_BWD: Array,
        start: Array,
        held: KeysValues,
        own_BWL: Array,
        memory: KeysValues,
        mask_BS: Array,
    ) -> tuple[Array, KeysValues]:
        """The newest position of each of W beams.

        Args:
          x_BWD: the residual stream at that position.
          start: scalar int32, where among the places the beams' new ones begin.
          held: keys and values of the beams' past, each [B, H, L, K].
          own_BWL: bool, which places are of a beam's own past, its newest included.
          memory: the memory's keys and values, each [B, H, S, K]; the beams of a row
            read it together.
          mask_BS: bool, true where the memory may be read.

        Returns:
          [B, W, D], and `held` with the new position filled in.
        """
        y_BWD = self.attention_residual.enter(x_BWD)
        read_BWD, held = self._read_past(y_BWD, start, held, own_BWL)
        x_BWD = self.attention_residual.leave(x_BWD, read_BWD, None)
        x_BWD, _ = self._read_memory(x_BWD, memory, mask_BS, (None, None))
        return x_BWD, held

    def _read_memory(
        self, x_BTD: Array, memory: KeysValues, mask_BS: Array, keys: Keys
    ) -> tuple[Array, Array]:
        y_BTD = self.cross_attention_residual.enter(x_BTD)
        mask_BTS = mask_BS[:, None, :]
        read_BTD, probs = self.cross_attention.attend(y_BTD, *memory, mask_BTS)
        x_BTD = self.cross_attention_residual.leave(x_BTD, read_BTD, keys[0])
        y_BTD = self.feed_forward_residual.enter(x_BTD)
        change_BTD = self.feed_forward(y_BTD)
        return self.feed_forward_residual.leave(x_BTD, change_BTD, keys[1]), probs

    def _read_past(
        self, x_BWD: Array, start: Array, held: KeysValues, own_BWL: Array
    ) -> tuple[Array, KeysValues]:
        def fill(old_BHLK: Array, new_BHWK: Array) -> Array:
            new_BHWK = new_BHWK.astype(old_BHLK.dtype)
            return jax.lax.dynamic_update_slice_in_dim(old_BHLK, new_BHWK, start, 2)

        new_key, new_value = self.attention.keys_values(x_BWD)
        filled = fill(held[0], new_key), fill(held[1], new_value)
        read_BWD, _ = self.attention.attend(x_BWD, *filled, own_BWL)
        return read_BWD, filled
