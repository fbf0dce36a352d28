"""The passes of a network: decode, score, encode, attend; and the same compiled.

Pure functions of parameters and padded arrays; everything static is a frozen value, so
that each shape is compiled once for a mesh in the whole process.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from epik_jax.bounds import LARGEST_BEAM, within
from epik_jax.decoding.beam import beam
from epik_jax.decoding.constraint import IMPOSSIBLE, make_allow
from epik_jax.decoding.greedy import greedy
from epik_jax.models import transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.parallel import mesh as meshes
from epik_jax.structs import Array, Decoded, Params


@dataclasses.dataclass(frozen=True)
class Decoding:
    """How answers are searched for.

    Attributes:
      beam_width: live hypotheses; 1 is greedy.
      num_hypotheses: answers to a word, at most `beam_width`.
      length_penalty: exponent of the length divisor; 0 for none.
      max_extra: an answer may be this much longer than its source in tokens, which
        is rounded up; then it is made to end.
      batch_size: rows decoded together.
    """

    beam_width: int = 1
    num_hypotheses: int = 1
    length_penalty: float = 0.0
    max_extra: int = 8
    batch_size: int = 128

    def __post_init__(self) -> None:
        """Refuses a beam that memory will not hold, and answers that it lacks."""
        within(self, 1, LARGEST_BEAM, "beam_width")
        within(self, 1, self.beam_width, "num_hypotheses")

    @property
    def label(self) -> str:
        """Short name for signatures, such as "beam-4" or "beam-4-lp-0.6"."""
        if self.beam_width == 1:
            return "greedy"  # Which knows no penalty.
        penalty = f"-lp-{self.length_penalty:g}" if self.length_penalty else ""
        return f"beam-{self.beam_width}{penalty}"


@dataclasses.dataclass(frozen=True)
class SpecialIds:
    """Ids that a decoder must know, as one static value."""

    bos: int
    eos: int
    pad: int


@dataclasses.dataclass(frozen=True)
class Passes:
    """The functions of this file, compiled over one mesh; see `on_mesh`."""

    decode: Callable[..., Decoded]
    log_probs: Callable[..., Array]
    hidden: Callable[..., Array]
    slots: Callable[..., tuple[Array, Array]]
    attention: Callable[..., Array]


@functools.cache
def on_mesh(mesh: Mesh) -> Passes:
    """The passes over a mesh: rows in and out are split over "data".

    Parameters are taken as they lie, so that they have to be placed before: where each
    of them belongs follows from its path, which only its owner knows.
    """
    whole, rows = meshes.replicated(mesh), meshes.rows(mesh)

    def compiled(fn: Callable[..., Any], arrays: tuple[Any, ...], statics: int) -> Any:
        given = (None, *arrays)
        return jax.jit(
            fn,
            in_shardings=given,
            out_shardings=rows,
            static_argnums=tuple(range(len(given), len(given) + statics)),
        )

    return Passes(
        decode=compiled(decode, (whole, rows, rows, rows, rows), 4),
        log_probs=compiled(log_probs, (rows, rows, rows), 2),
        hidden=compiled(hidden, (rows, rows), 1),
        slots=compiled(slots, (rows, rows), 2),
        attention=compiled(attention, (rows, rows, rows), 2),
    )


def decode(
    params: Params,
    follow_LVV: Array | None,
    source_BS: Array,
    mask_BS: Array,
    lang_B: Array,
    limit_B: Array,
    config: TransformerConfig,
    decoding: Decoding,
    ids: SpecialIds,
    length: int,
) -> Decoded:
    """Encodes a batch and searches for answers: `Decoded` of T = `length`.

    Each row is made to end at a limit of its own: with the batch's alone, an endless
    answer would depend on the words beside it.
    """
    memory = transformer.encode(params, config, source_BS, mask_BS, pad_id=ids.pad)
    memory_cache = transformer.memory_cache(params, config, memory)

    def step_fn(
        tokens_BW: Array, index: Array, ancestors_BWT: Array, kv_cache: Any
    ) -> tuple[Array, Any]:
        logits_BWV, kv_cache = transformer.decode_step(
            params,
            config,
            tokens_BW,
            index,
            ancestors_BWT,
            kv_cache,
            memory_cache,
            memory.mask,
        )
        late_B11 = (index >= limit_B - 1)[:, None, None]
        goes_on_11V = (jnp.arange(config.vocab_size) != ids.eos)[None, None]
        return jnp.where(late_B11 & goes_on_11V, IMPOSSIBLE, logits_BWV), kv_cache

    B = source_BS.shape[0]
    start_B = jnp.full((B,), ids.bos, jnp.int32)
    room = transformer.empty_kv_cache(config, B, decoding.beam_width, length)
    allow = None if follow_LVV is None else make_allow(follow_LVV, lang_B)
    if decoding.beam_width == 1:
        return greedy(
            step_fn,
            start_B,
            room,
            eos_id=ids.eos,
            pad_id=ids.pad,
            max_length=length,
            allow=allow,
        )
    return beam(
        step_fn,
        start_B,
        room,
        beam_width=decoding.beam_width,
        num_hypotheses=decoding.num_hypotheses,
        length_penalty=decoding.length_penalty,
        allow=allow,
        eos_id=ids.eos,
        pad_id=ids.pad,
        max_length=length,
    )


def log_probs(
    params: Params,
    source_BS: Array,
    mask_BS: Array,
    target_BT: Array,
    config: TransformerConfig,
    ids: SpecialIds,
) -> Array:
    """Log-probabilities of the next token along known targets: [B, T, V]."""
    memory = transformer.encode(params, config, source_BS, mask_BS, pad_id=ids.pad)
    logits_BTV = transformer.decode(params, config, target_BT, memory).logits
    return jax.nn.log_softmax(logits_BTV, axis=-1)


def hidden(
    params: Params, source_BS: Array, mask_BS: Array, config: TransformerConfig
) -> Array:
    """Encoder states after the final norm: [B, S, D]."""
    return transformer.encode(params, config, source_BS, mask_BS).hidden


def slots(
    params: Params,
    source_BS: Array,
    mask_BS: Array,
    config: TransformerConfig,
    ids: SpecialIds,
) -> tuple[Array, Array]:
    """States of all slots [B, L, D], and bool [B, L], true where the gate keeps one."""
    memory = transformer.encode(params, config, source_BS, mask_BS, pad_id=ids.pad)
    return memory.hidden, memory.mask


def attention(
    params: Params,
    source_BS: Array,
    mask_BS: Array,
    target_BT: Array,
    config: TransformerConfig,
    ids: SpecialIds,
) -> Array:
    """The last block's attention to the source along known targets: [B, H, T, S]."""
    memory = transformer.encode(params, config, source_BS, mask_BS, pad_id=ids.pad)
    return transformer.decode(params, config, target_BT, memory).attention
