"""Networks that label sentences, used through one pure function.

Pieces of sentences go in, logits and one layer's hidden states come out: a transformer
encoder as the teacher, a BiLSTM as the student. It knows nothing of text, words or
losses.
"""

from __future__ import annotations

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from epik_jax.models import layers
from epik_jax.models.bilstm import Bilstm
from epik_jax.models.blocks import split_key
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.encoder_decoder import Transformer
from epik_jax.models.labeller_config import (
    BilstmLabellerConfig,
    EncoderLabellerConfig,
    LabellerConfig,
)
from epik_jax.structs import Array, ModelOutput, Params


def label(
    params: Params,
    config: LabellerConfig,
    tokens_BL: Array,
    mask_BL: Array,
    *,
    layer: int,
    key: Array | None = None,
    computing: Computing = PLAIN,
) -> ModelOutput:
    """Labels every piece of a sentence, or the sentence.

    Args:
      params: parameter tree of this configuration.
      config: sizes and choices.
      tokens_BL: int32 ids of pieces, framed.
      mask_BL: bool, true where real; the first piece of every row is.
      layer: whose states are given: 0 for the embedding, up to `config.num_layers`.
      key: for dropout; None turns it off.
      computing: how activations are computed.

    Returns:
      logits [B, L, C] and hidden [B, L, D] with its mask; L is 1 where the
      configuration pools.

    Raises:
      ValueError: there is no such layer.
    """
    if not 0 <= layer <= config.num_layers:
        raise ValueError(f"layer {layer} is not in 0 to {config.num_layers}")
    output: ModelOutput = _module(config, computing).apply(
        {"params": params}, tokens_BL, mask_BL, layer, key
    )
    return output


def bridged(kernel_HD: Array, bias_D: Array, hidden_BLH: Array, dtype: str) -> Array:
    """States at a teacher's width, where the projection to it is not shipped.

    Args:
      kernel_HD: of the projection.
      bias_D: of the projection.
      hidden_BLH: states that labels are read from.
      dtype: what the product is computed from.

    Returns:
      float32 [B, L, D], after a GELU (XtremeDistil, section 4.1).
    """
    projected_BLD = layers.einsum("blh,hd->bld", dtype, hidden_BLH, kernel_HD)
    return layers.ACTIVATIONS["gelu_exact"](projected_BLD + bias_D[None, None])


def parameter_shapes(config: LabellerConfig) -> Params:
    """The tree of parameters as shapes, without drawing one."""
    tokens = jax.ShapeDtypeStruct((1, 2), jnp.int32)
    mask = jax.ShapeDtypeStruct((1, 2), jnp.bool_)
    init = functools.partial(_module(config).init, layer=0, key=None)
    return jax.eval_shape(init, jax.random.key(0), tokens, mask)["params"]


@functools.cache
def _module(config: LabellerConfig, computing: Computing = PLAIN) -> Any:
    config = computing.products(config)
    if isinstance(config, EncoderLabellerConfig):
        return EncoderLabeller(config, computing)
    return BilstmLabeller(config, computing)


class EncoderLabeller(nn.Module):
    """A transformer encoder and a layer of labels."""

    config: EncoderLabellerConfig
    computing: Computing = PLAIN

    def setup(self) -> None:
        """The network and its head."""
        self.transformer = Transformer(self.config.encoder, self.computing)
        self.head = layers.Dense(
            len(self.config.labels), self.config.encoder.matmul_dtype
        )

    def __call__(
        self, tokens_BL: Array, mask_BL: Array, layer: int, key: Array | None
    ) -> ModelOutput:
        """See `label`."""
        encode_key, drop_key = split_key(key, 2)
        types = jnp.zeros_like(tokens_BL) if self.config.encoder.token_types else None
        states = self.transformer.encoder_states(tokens_BL, mask_BL, types, encode_key)
        kept = slice(1) if self.config.pools else slice(None)
        last_BLD = layers.dropout(states[-1], self.config.encoder.dropout, drop_key)
        logits_BLC = self.head(last_BLD[:, kept])
        return ModelOutput(logits_BLC, states[layer][:, kept], mask_BL[:, kept])


class BilstmLabeller(nn.Module):
    """Embedding, BiLSTM, projection and a layer of labels."""

    config: BilstmLabellerConfig
    computing: Computing = PLAIN

    def setup(self) -> None:
        """Four parts, which thaw one after the other."""
        config = self.config
        table = (config.vocab_size, config.embedding)
        normal = nn.initializers.normal(config.embedding**-0.5)
        self.embedding = self.param("embedding", normal, table)
        self.bilstm = Bilstm(
            config.hidden,
            config.recurrent_dropout,
            config.matmul_dtype,
            self.computing,
        )
        if config.projection:
            self.projection = layers.Dense(config.projection, config.matmul_dtype)
        self.head = layers.Dense(len(config.labels), config.matmul_dtype)

    def __call__(
        self, tokens_BL: Array, mask_BL: Array, layer: int, key: Array | None
    ) -> ModelOutput:
        """See `label`."""
        config = self.config
        keys = split_key(key, 3)
        embedded_BLE = jnp.take(self.embedding, tokens_BL, axis=0)
        x_BLE = layers.dropout(embedded_BLE, config.dropout, keys[0])
        states_BLH, ends_BH = self.bilstm(x_BLE, mask_BL, keys[1])
        if config.pooling == "last":
            states_BLH = ends_BH[:, None]
        elif config.pooling == "max":
            below = jnp.where(mask_BL[:, :, None], states_BLH, -jnp.inf)
            states_BLH = below.max(axis=1, keepdims=True)
        states_BLH = layers.dropout(states_BLH, config.dropout, keys[2])
        hidden_BLD = states_BLH
        if config.projection:
            hidden_BLD = layers.ACTIVATIONS["gelu_exact"](self.projection(states_BLH))
        logits_BLC = self.head(hidden_BLD)
        hidden = hidden_BLD if layer else x_BLE[:, : hidden_BLD.shape[1]]
        return ModelOutput(logits_BLC, hidden, mask_BL[:, : hidden.shape[1]])
