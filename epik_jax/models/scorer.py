"""Networks that score pairs of texts, used through one pure function.

Pieces of both texts in one row go in, logits of several headers come out: one learns
from people, each of the others from one teacher. It knows nothing of text or losses.

Source of the headers: Yang et al. 2020, "Model Compression with Two-stage Multi-teacher
Knowledge Distillation for Web Question Answering System" (TMKD), section 3.
"""

from __future__ import annotations

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from epik_jax.models import layers
from epik_jax.models.bilstm import Bilstm
from epik_jax.models.blocks import split_key
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.encoder_decoder import Transformer
from epik_jax.models.scorer_config import (
    BilstmScorerConfig,
    EncoderScorerConfig,
    ScorerConfig,
)
from epik_jax.structs import Array, Params


def score(
    params: Params,
    config: ScorerConfig,
    tokens_BL: Array,
    mask_BL: Array,
    types_BL: Array,
    *,
    key: Array | None = None,
    computing: Computing = PLAIN,
) -> Array:
    """Scores pairs of texts.

    Args:
      params: parameter tree of this configuration.
      config: sizes and choices.
      tokens_BL: int32 ids of pieces, both texts framed in one row.
      mask_BL: bool, true where real; the first piece of every row is.
      types_BL: int32, 0 at the first text, 1 at the second.
      key: for dropout; None turns it off.
      computing: how activations are computed.

    Returns:
      float32 logits [B, M, C] of all headers, that of people's labels first.
    """
    logits: Array = _module(config, computing).apply(
        {"params": params}, tokens_BL, mask_BL, types_BL, key
    )
    return logits


def matching(tokens_BL: Array, mask_BL: Array, types_BL: Array) -> Array:
    """Which pieces stand in the other text, too: int32 [B, L], 1 where they do."""
    equal_BLM = tokens_BL[:, :, None] == tokens_BL[:, None, :]
    apart_BLM = types_BL[:, :, None] != types_BL[:, None, :]
    read_BLM = apart_BLM & mask_BL[:, None, :] & mask_BL[:, :, None]
    return (equal_BLM & read_BLM).any(axis=-1).astype(jnp.int32)


def predicted(logits_BMC: Array, config: ScorerConfig) -> Array:
    """What all headers say together: log-probabilities of the classes, [B, C].

    Headers are averaged as probabilities, whatever they learnt from.
    """
    log_probs_BMC = jax.nn.log_softmax(logits_BMC, axis=-1)
    shares_1M1 = header_shares(config)[None, :, None]
    return jax.nn.logsumexp(log_probs_BMC, axis=1, b=shares_1M1)


def header_shares(config: ScorerConfig) -> np.ndarray:
    """How much each header counts in a prediction, float32 [M], 1 in all."""
    M = config.num_headers
    shares = {
        "mean": np.ones(M),
        "golden": np.arange(M) == 0,
        "soft_mean": np.arange(M) > 0,
        "weighted": np.array(config.weights),
    }[config.prediction]
    return (shares / shares.sum()).astype(np.float32)


def parameter_shapes(config: ScorerConfig) -> Params:
    """The tree of parameters as shapes, without drawing one."""
    ids = jax.ShapeDtypeStruct((1, 2), jnp.int32)
    mask = jax.ShapeDtypeStruct((1, 2), jnp.bool_)
    init = functools.partial(_module(config).init, key=None)
    return jax.eval_shape(init, jax.random.key(0), ids, mask, ids)["params"]


@functools.cache
def _module(config: ScorerConfig, computing: Computing = PLAIN) -> Any:
    config = computing.products(config)
    if isinstance(config, EncoderScorerConfig):
        return EncoderScorer(config, computing)
    return BilstmScorer(config, computing)


class Headers(nn.Module):
    """Linear layers side by side, all of them reading the same state."""

    num_headers: int
    num_labels: int
    matmul_dtype: str

    @nn.compact
    def __call__(self, x_BD: Array) -> Array:
        """[B, D] -> [B, M, C]."""
        shape = (self.num_headers, x_BD.shape[-1], self.num_labels)
        kernel = self.param("stacked_kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (shape[0], shape[2]))
        logits = layers.einsum("bd,mdc->bmc", self.matmul_dtype, x_BD, kernel)
        return logits + bias[None]


class EncoderScorer(nn.Module):
    """A transformer encoder whose first state all headers read."""

    config: EncoderScorerConfig
    computing: Computing = PLAIN

    def setup(self) -> None:
        """The network, the layer that BERT has before its head, and the headers."""
        config = self.config
        dtype = config.encoder.matmul_dtype
        self.transformer = Transformer(config.encoder, self.computing)
        if config.pooler:
            self.pooler = layers.Dense(config.encoder.width, dtype)
        self.headers = Headers(config.num_headers, len(config.labels), dtype)

    def __call__(
        self, tokens_BL: Array, mask_BL: Array, types_BL: Array, key: Array | None
    ) -> Array:
        """See `score`."""
        encode_key, drop_key = split_key(key, 2)
        if self.config.matches:
            types_BL = types_BL + 2 * matching(tokens_BL, mask_BL, types_BL)
        states = self.transformer.encoder_states(
            tokens_BL, mask_BL, types_BL, encode_key
        )
        first_B1D = states[-1][:, :1]
        if self.config.pooler:
            first_B1D = jnp.tanh(self.pooler(first_B1D))
        dropped = layers.dropout(first_B1D, self.config.encoder.dropout, drop_key)
        logits_BMC: Array = self.headers(dropped[:, 0])
        return logits_BMC


class BilstmScorer(nn.Module):
    """Pieces compared with those of the other text, then read both ways and pooled.

    Alignment by similarity of embeddings, and the comparison, are those of Parikh et
    al. 2016 (sections 3.1, 3.2); the largest of each unit over either text, that of
    Conneau et al. 2017.
    """

    config: BilstmScorerConfig
    computing: Computing = PLAIN

    def setup(self) -> None:
        """Embedding, comparison, BiLSTM, headers."""
        config, dtype = self.config, self.config.matmul_dtype
        table = (config.vocab_size, config.embedding)
        normal = nn.initializers.normal(config.embedding**-0.5)
        self.embedding = self.param("embedding", normal, table)
        self.comparison = layers.Dense(2 * config.hidden, dtype)
        self.bilstm = Bilstm(
            config.hidden, config.recurrent_dropout, dtype, self.computing
        )
        self.projection = layers.Dense(2 * config.hidden, config.matmul_dtype)
        self.headers = Headers(
            config.num_headers, len(config.labels), config.matmul_dtype
        )

    def __call__(
        self, tokens_BL: Array, mask_BL: Array, types_BL: Array, key: Array | None
    ) -> Array:
        """See `score`."""
        config = self.config
        keys = split_key(key, 3)
        # Of unit variance: the table has that of an embedding's share.
        embedded = jnp.take(self.embedding, tokens_BL, axis=0) * config.embedding**0.5
        x_BLE = layers.dropout(embedded, config.dropout, keys[0])
        other_BLE = self._aligned(x_BLE, mask_BL, types_BL)
        compared = jnp.concatenate(
            [x_BLE, other_BLE, x_BLE * other_BLE, jnp.abs(x_BLE - other_BLE)], axis=-1
        )
        gelu = layers.ACTIVATIONS["gelu_exact"]
        states_BLH, _ = self.bilstm(gelu(self.comparison(compared)), mask_BL, keys[1])
        texts = [
            _largest(states_BLH, mask_BL & (types_BL == segment)) for segment in (0, 1)
        ]
        a_BH, b_BH = texts
        both = jnp.concatenate([a_BH, b_BH, a_BH * b_BH, jnp.abs(a_BH - b_BH)], axis=-1)
        pooled_BD = gelu(self.projection(both[:, None]))[:, 0]
        logits_BMC: Array = self.headers(
            layers.dropout(pooled_BD, config.dropout, keys[2])
        )
        return logits_BMC

    def _aligned(self, x_BLE: Array, mask_BL: Array, types_BL: Array) -> Array:
        """Beside each piece the mean of the other text's, by their likeness: [B, L, E].

        The frame belongs to the first text up to its separator; a piece of an empty
        text has nothing beside it.
        """
        dtype = self.config.matmul_dtype
        likeness = layers.einsum("ble,bme->blm", dtype, x_BLE, x_BLE)
        likeness = likeness / self.config.embedding**0.5
        apart_BLM = types_BL[:, :, None] != types_BL[:, None, :]
        read_BLM = apart_BLM & mask_BL[:, None, :]
        weights = jax.nn.softmax(jnp.where(read_BLM, likeness, layers.MASKED), axis=-1)
        kept = jnp.where(read_BLM, weights, 0.0)
        return layers.einsum("blm,bme->ble", dtype, kept, x_BLE)


def _largest(states_BLH: Array, real_BL: Array) -> Array:
    """The largest of each unit where real, 0 where nothing is: [B, H]."""
    real_BL1 = real_BL[:, :, None]
    found_BH = jnp.where(real_BL1, states_BLH, -jnp.inf).max(axis=1)
    return jnp.where(real_BL1.any(axis=1), found_BH, 0.0)
