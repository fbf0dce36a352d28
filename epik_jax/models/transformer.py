"""One transformer for teacher and student, used through pure functions.

`encode`, `decode` and `decode_step` take parameters first and return values; `key=None`
means no dropout, and keys and values of the past are arguments and results. It knows
nothing of text, objectives or decoding strategies.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from epik_jax.models.blocks import KeysValues
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.config import TransformerConfig
from epik_jax.models.encoder_decoder import DecoderOutput, Memory, Transformer
from epik_jax.structs import Array, KVCache, Params


@functools.cache
def _module(config: TransformerConfig, computing: Computing = PLAIN) -> Transformer:
    return Transformer(computing.products(config), computing)


def _apply(
    params: Params,
    config: TransformerConfig,
    method: str,
    *args: Any,
    computing: Computing = PLAIN,
) -> Any:
    module = _module(config, computing)
    return module.apply({"params": params}, *args, method=method)


def parameter_shapes(config: TransformerConfig) -> Params:
    """The tree of parameters as shapes, without drawing one."""
    tokens = jax.ShapeDtypeStruct((1, 2), jnp.int32)
    mask = jax.ShapeDtypeStruct((1, 2), jnp.bool_)
    init = functools.partial(_module(config).init, jax.random.key(0))
    return jax.eval_shape(init, tokens, mask, tokens)["params"]


def encode(
    params: Params,
    config: TransformerConfig,
    source_BS: Array,
    mask_BS: Array,
    *,
    types_BS: Array | None = None,
    key: Array | None = None,
    pad_id: int | None = None,
    computing: Computing = PLAIN,
) -> Memory:
    """Reads a source.

    Args:
      params: parameter tree of this configuration.
      config: sizes and choices.
      source_BS: int32 token ids.
      mask_BS: bool, true where real.
      types_BS: int32 segment ids, where the configuration has segments.
      key: for dropout; None turns it off.
      pad_id: the vocabulary's, which slots after the source hold; needed where there
        are slots, and not read where there are none.
      computing: how activations are computed.

    Returns:
      The memory; with slots it is `num_slots` wide whatever S is.

    Raises:
      ValueError: the source is longer than `num_slots`, or slots have no `pad_id`.
    """
    given = (source_BS, mask_BS, types_BS, key, pad_id)
    return _apply(params, config, "encode", *given, computing=computing)


def guesses(
    params: Params,
    config: TransformerConfig,
    tokens_BL: Array,
    mask_BL: Array,
    types_BL: Array | None,
    places_BP: Array,
    bias_V: Array,
    *,
    key: Array | None = None,
    computing: Computing = PLAIN,
) -> Array:
    """What an encoder makes of tokens that were hidden from it.

    The output layer is the embedding table.

    Args:
      params: parameter tree of this configuration.
      config: sizes and choices; no slots.
      tokens_BL: int32 ids.
      mask_BL: bool, true where real.
      types_BL: int32 segment ids; None where the configuration has no segments.
      places_BP: int32, where tokens were hidden.
      bias_V: added to the logits.
      key: for dropout; None turns it off.
      computing: how activations are computed.

    Returns:
      float32 logits [B, P, V].
    """
    shown = (tokens_BL, mask_BL, types_BL, places_BP, bias_V, key)
    logits: Array = _apply(params, config, "guess", *shown, computing=computing)
    return logits


def decode(
    params: Params,
    config: TransformerConfig,
    target_BT: Array,
    memory: Memory,
    *,
    key: Array | None = None,
    computing: Computing = PLAIN,
) -> DecoderOutput:
    """Predicts the token after each position of a known target.

    Args:
      params: parameter tree of this configuration.
      config: sizes and choices.
      target_BT: int32, begins with the start token.
      memory: from `encode`; its mask may be another's.
      key: for dropout; None turns it off.
      computing: how activations are computed.
    """
    given = (target_BT, memory, key)
    return _apply(params, config, "decode", *given, computing=computing)


def memory_cache(
    params: Params, config: TransformerConfig, memory: Memory
) -> list[KeysValues]:
    """Keys and values of the memory for every block, computed once a source."""
    return _apply(params, config, "memory_cache", memory)


def empty_kv_cache(
    config: TransformerConfig, batch_size: int, beam_width: int, max_length: int
) -> list[KeysValues]:
    """Room for the past of `beam_width` beams: each leaf [B, H, T*W, K], zeros.

    The beams of a row share it: W places for each position.

    Raises:
      ValueError: `max_length` steps are more than there are positions.
    """
    if max_length > config.max_length:
        raise ValueError(
            f"{max_length} steps exceed the model's max_length {config.max_length}"
        )
    shape = (config.num_heads, max_length * beam_width, config.head_width)
    room = jnp.zeros((batch_size, *shape), config.matmul_dtype)
    return [(room, room) for _ in range(config.decoder_layers)]


def decode_step(
    params: Params,
    config: TransformerConfig,
    tokens_BW: Array,
    index: Array,
    ancestors_BWT: Array,
    kv_cache: KVCache,
    memory_keys_values: list[KeysValues],
    mask_BS: Array,
) -> tuple[Array, KVCache]:
    """Predicts the token after the newest one of each beam.

    Args:
      params: parameter tree of this configuration.
      config: sizes and choices.
      tokens_BW: int32, the newest token of W beams.
      index: scalar int32, its position, from 0.
      ancestors_BWT: int32, the beam that read each token of a beam's past, the newest
        included; -1 where there is none yet.
      kv_cache: from `empty_kv_cache` or the step before.
      memory_keys_values: from `memory_cache`.
      mask_BS: bool, true where the memory may be read.

    Returns:
      logits [B, W, V], and the KV cache with this position filled in.
    """
    return _apply(
        params,
        config,
        "decode_step",
        tokens_BW,
        index,
        ancestors_BWT,
        kv_cache,
        memory_keys_values,
        mask_BS,
    )
