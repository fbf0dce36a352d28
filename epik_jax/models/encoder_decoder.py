"""The transformer as Linen modules around one table of tokens.

Modules map tokens and masks to hidden states and logits. They are used only through the
pure functions of `transformer`, which hold the documentation of what goes in and out.
"""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

from epik_jax.models import initial, layers
from epik_jax.models.blocks import DecoderBlock, EncoderBlock, KeysValues, split_key
from epik_jax.models.computing import PLAIN, Computing, exact
from epik_jax.models.config import TransformerConfig
from epik_jax.structs import Array, KVCache


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Memory:
    """What the encoder says, and what the decoder may read of it.

    Attributes:
      hidden: [B, S, D], after the final norm.
      mask: bool [B, S], true where the decoder may read.
      gate_logits: [B, S] where slots are used: above 0 means active; else None.
    """

    hidden: Array
    mask: Array
    gate_logits: Array | None = None


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class DecoderOutput:
    """Logits along a target, and where each position looked.

    Attributes:
      logits: [B, T, V], float32.
      attention: [B, H, T, S], the last block's attention to the memory.
    """

    logits: Array
    attention: Array


class Transformer(nn.Module):
    """Embedding, encoder, decoder and output layer around one table of tokens."""

    config: TransformerConfig
    computing: Computing = PLAIN

    def setup(self) -> None:
        """Numbered blocks, so that parameter paths sort in order."""
        config = self.config
        table = (config.vocab_size, config.width)
        normal = nn.initializers.normal(config.width**-0.5)
        self.embedding = self.param("embedding", normal, table)
        if not config.shared_embedding:
            self.encoder_embedding = self.param("encoder_embedding", normal, table)
        if config.positions == "learned":
            table = (config.max_length, config.width)
            self.position_embedding = self.param("position_embedding", normal, table)
        if config.token_types:
            table = (config.token_types, config.width)
            self.type_embedding = self.param("type_embedding", normal, table)
        if config.embedding_norm:
            self.embedding_norm = layers.LayerNorm(config.norm_epsilon)
        self.encoder = Encoder(config, self.computing)
        if config.num_slots:
            self.gate = layers.Dense(1, config.matmul_dtype)
        if config.decoder_layers:
            self.decoder = Decoder(config, self.computing)
            if not config.tied_output:
                self.output = layers.Dense(config.vocab_size, config.matmul_dtype)

    def encode(
        self,
        source_BS: Array,
        mask_BS: Array,
        types_BS: Array | None = None,
        key: Array | None = None,
        pad_id: int | None = None,
    ) -> Memory:
        """See the function of this name in `transformer`."""
        embed_key, key = split_key(key, 2)
        if not self.config.num_slots:
            x_BSD = self._embed(self._read, source_BS, 0, types_BS, embed_key)
            return Memory(self.encoder(x_BSD, mask_BS, key), mask_BS)
        missing = self.config.num_slots - source_BS.shape[1]
        if missing < 0:
            raise ValueError(
                f"a source of {source_BS.shape[1]} tokens does not fit "
                f"num_slots {self.config.num_slots}"
            )
        if pad_id is None:
            raise ValueError("num_slots needs a pad_id: slots after the source hold it")
        slots_BL = jnp.pad(source_BS, ((0, 0), (0, missing)), constant_values=pad_id)
        if types_BS is not None:
            types_BS = jnp.pad(types_BS, ((0, 0), (0, missing)))
        x_BLD = self._embed(self._read, slots_BL, 0, types_BS, embed_key)
        hidden_BLD = self.encoder(x_BLD, jnp.ones(slots_BL.shape, bool), key)
        gate_BL = self.gate(hidden_BLD)[..., 0]
        return Memory(hidden_BLD, gate_BL > 0, gate_BL)

    def encoder_states(
        self,
        source_BS: Array,
        mask_BS: Array,
        types_BS: Array | None = None,
        key: Array | None = None,
    ) -> tuple[Array, ...]:
        """Embeddings and the states after each block; no slots."""
        embed_key, key = split_key(key, 2)
        x_BSD = self._embed(self._read, source_BS, 0, types_BS, embed_key)
        return self.encoder.states(x_BSD, mask_BS, key)

    def guess(
        self,
        tokens_BL: Array,
        mask_BL: Array,
        types_BL: Array | None,
        places_BP: Array,
        bias_V: Array,
        key: Array | None = None,
    ) -> Array:
        """See `guesses` in `transformer`."""
        states = self.encoder_states(tokens_BL, mask_BL, types_BL, key)
        hidden_BPD = jnp.take_along_axis(states[-1], places_BP[:, :, None], axis=1)
        dtype = self.config.matmul_dtype
        logits_BPV = layers.einsum("bpd,vd->bpv", dtype, hidden_BPD, self.embedding)
        return logits_BPV + bias_V[None, None]

    def decode(
        self, target_BT: Array, memory: Memory, key: Array | None = None
    ) -> DecoderOutput:
        """See the function of this name in `transformer`."""
        embed_key, key = split_key(key, 2)
        x_BTD = self._embed(self.embedding, target_BT, 0, None, embed_key)
        x_BTD, attention = self.decoder(x_BTD, memory, key)
        return DecoderOutput(self._logits(x_BTD), attention)

    def memory_cache(self, memory: Memory) -> list[KeysValues]:
        """See the function of this name in `transformer`."""
        return self.decoder.memory_cache(memory.hidden)

    def decode_step(
        self,
        tokens_BW: Array,
        index: Array,
        ancestors_BWT: Array,
        kv_cache: KVCache,
        memory_cache: list[KeysValues],
        mask_BS: Array,
    ) -> tuple[Array, KVCache]:
        """See the function of this name in `transformer`."""
        x_BWD = self._embed(self.embedding, tokens_BW[..., None], index)[:, :, 0]
        B, W, T = ancestors_BWT.shape
        # No place is one's own where there is no ancestor: -1 is no beam.
        own_BWTW = jax.nn.one_hot(ancestors_BWT, W, dtype=bool)
        own_BWL = own_BWTW.reshape(B, W, T * W)  # [B, W, T, W] -> [B, W, T*W]
        x_BWD, kv_cache = self.decoder.step(
            x_BWD, index * W, kv_cache, own_BWL, memory_cache, mask_BS
        )
        return self._logits(x_BWD), kv_cache

    def __call__(self, source_BS: Array, mask_BS: Array, target_BT: Array) -> Array:
        """Touches every parameter; only the shapes that come of it are used."""
        types = jnp.zeros_like(source_BS) if self.config.token_types else None
        memory = self.encode(source_BS, mask_BS, types, pad_id=0)
        if not self.config.decoder_layers:
            return memory.hidden
        return self.decode(target_BT, memory).logits

    @property
    def _read(self) -> Array:
        """The encoder's table."""
        shared = self.config.shared_embedding
        return self.embedding if shared else self.encoder_embedding

    def _embed(
        self,
        table: Array,
        tokens: Array,
        start: Array | int,
        types: Array | None = None,
        key: Array | None = None,
    ) -> Array:
        """[..., L] -> [..., L, D]; the first position is `start`."""
        config = self.config
        x = jnp.take(table, tokens, axis=0) * config.width**0.5
        if config.positions == "learned":
            positions: Array = self.position_embedding
        else:
            positions = jnp.asarray(initial.sinusoids(config.max_length, config.width))
        here = jax.lax.dynamic_slice_in_dim(positions, start, tokens.shape[-1])
        x = x + here[(None,) * (x.ndim - 2)]
        if types is not None:
            x = x + jnp.take(self.type_embedding, types, axis=0)
        if config.embedding_norm:
            x = self.embedding_norm(x)
        return layers.dropout(x, config.dropout, key)

    def _logits(self, x_BTD: Array) -> Array:
        if not self.config.tied_output:
            return self.output(x_BTD)
        dtype = self.config.matmul_dtype
        return layers.einsum("btd,vd->btv", dtype, x_BTD, self.embedding)


class Encoder(nn.Module):
    """A stack of encoder blocks, float32 at both ends."""

    config: TransformerConfig
    computing: Computing = PLAIN

    def __call__(self, x_BLD: Array, mask_BL: Array, key: Array | None) -> Array:
        """[B, L, D] -> [B, L, D], after the final norm."""
        return self.states(x_BLD, mask_BL, key)[-1]

    @nn.compact
    def states(
        self, x_BLD: Array, mask_BL: Array, key: Array | None
    ) -> tuple[Array, ...]:
        """What the first block reads and each block writes, each [B, L, D].

        The last is taken after the final norm.
        """
        states, keys = [x_BLD], split_key(key, self.config.encoder_layers)
        kind, x_BLD = self.computing.block(EncoderBlock), self.computing.kept(x_BLD)
        for i, block_key in enumerate(keys):
            x_BLD = kind(self.config, name=f"block_{i:02d}")(x_BLD, mask_BL, block_key)
            states.append(exact(x_BLD))
        if self.config.norm == "pre":
            norm = layers.LayerNorm(self.config.norm_epsilon, name="norm")
            states[-1] = norm(states[-1])
        return tuple(states)


class Decoder(nn.Module):
    """A stack of decoder blocks, on whole targets or one step at a time."""

    config: TransformerConfig
    computing: Computing = PLAIN

    def setup(self) -> None:
        """Blocks by number, and the final norm."""
        names = [f"block_{i:02d}" for i in range(self.config.decoder_layers)]
        kind = self.computing.block(DecoderBlock)
        for name in names:
            setattr(self, name, kind(self.config))
        self.blocks = [getattr(self, name) for name in names]
        if self.config.norm == "pre":
            self.norm = layers.LayerNorm(self.config.norm_epsilon)

    def __call__(
        self, x_BTD: Array, memory: Memory, key: Array | None
    ) -> tuple[Array, Array]:
        """All positions: [B, T, D], and the last block's attention [B, H, T, S]."""
        keys = split_key(key, len(self.blocks))
        kept = self.computing.kept
        x_BTD, memory_BSD = kept(x_BTD), kept(memory.hidden)
        for block, block_key in zip(self.blocks, keys, strict=True):
            x_BTD, attention = block(x_BTD, memory_BSD, memory.mask, block_key)
        return self._finish(exact(x_BTD)), exact(attention)

    def memory_cache(self, memory_BSD: Array) -> list[KeysValues]:
        """Keys and values of the memory for every block, each [B, H, S, K]."""
        return [b.cross_attention.keys_values(memory_BSD) for b in self.blocks]

    def step(
        self,
        x_BWD: Array,
        start: Array,
        kv_cache: KVCache,
        own_BWL: Array,
        memory_cache: list[KeysValues],
        mask_BS: Array,
    ) -> tuple[Array, KVCache]:
        """One position of W beams: [B, W, D], and the KV cache filled from `start`."""
        filled = []
        for block, held, memory in zip(
            self.blocks, kv_cache, memory_cache, strict=True
        ):
            x_BWD, held = block.step(x_BWD, start, held, own_BWL, memory, mask_BS)
            filled.append(held)
        return self._finish(x_BWD), filled

    def _finish(self, x_BTD: Array) -> Array:
        return self.norm(x_BTD) if self.config.norm == "pre" else x_BTD
