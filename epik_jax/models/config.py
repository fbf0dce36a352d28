"""Sizes and choices of a transformer, as one frozen value.

What is written here is all that is needed to rebuild a network around saved
parameters; nothing here touches an array.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from epik_jax.bounds import LARGEST_WIDTH, demand, demand_rate, within

LARGEST_LENGTH = 2**16
"""Tokens; attention holds a number for each pair of them."""


@dataclasses.dataclass(frozen=True)
class TransformerConfig:
    """An encoder-decoder, or an encoder alone where `decoder_layers` is 0.

    Attributes:
      vocab_size: V, rows of the embedding table shared by both sides.
      width: D, width of the residual stream.
      num_heads: H; D must be a multiple of it.
      feed_forward: F, width inside the feed-forward blocks.
      encoder_layers: blocks in the encoder.
      decoder_layers: blocks in the decoder.
      max_length: longest sequence with a position of its own.
      norm: layer norm before each block, or after it as in BERT.
      positions: fixed sinusoids, or a learned table.
      activation: non-linearity of the feed-forward blocks; "gelu" is the usual
        approximation by tanh, "gelu_exact" BERT's own.
      tied_output: the output layer is the embedding table.
      embedding_norm: layer norm on the embeddings.
      token_types: rows of the segment table; 0 for none.
      dropout: rate on embeddings and on the output of every block.
      matmul_dtype: what products are computed from; sums are float32 either way.
      norm_epsilon: added to the variance in every layer norm.
      num_slots: L where the encoder writes a fixed number of slots and says which of
        them are active (0: one state for each source token).
      shared_embedding: encoder and decoder read one table; else the encoder has its
        own, so that it can move while the decoder stays.
    """

    vocab_size: int
    width: int = 256
    num_heads: int = 4
    feed_forward: int = 1024
    encoder_layers: int = 3
    decoder_layers: int = 3
    max_length: int = 64
    norm: Literal["pre", "post"] = "pre"
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    activation: Literal["gelu", "gelu_exact", "relu"] = "gelu"
    tied_output: bool = True
    embedding_norm: bool = False
    token_types: int = 0
    dropout: float = 0.1
    matmul_dtype: Literal["float32", "bfloat16"] = "float32"
    norm_epsilon: float = 1e-5
    num_slots: int = 0
    shared_embedding: bool = True

    def __post_init__(self) -> None:
        """Refuses sizes that cannot be built."""
        demand(self, 1, "vocab_size", "encoder_layers")
        within(self, 1, LARGEST_WIDTH, "width", "num_heads", "feed_forward")
        within(self, 1e-16, 1.0, "norm_epsilon")
        within(self, 1, LARGEST_LENGTH, "max_length")
        demand(self, 0, "decoder_layers", "token_types", "num_slots")
        if self.positions == "sinusoidal" and self.width % 2:
            raise ValueError(f"width {self.width} is odd; sinusoids come in pairs")
        if self.width % self.num_heads:
            raise ValueError(
                f"width {self.width} is not a multiple of num_heads {self.num_heads}"
            )
        demand_rate(self, "dropout")
        choices = {
            "norm": ("pre", "post"),
            "positions": ("sinusoidal", "learned"),
            "activation": ("gelu", "gelu_exact", "relu"),
            "matmul_dtype": ("float32", "bfloat16"),
        }
        for field, allowed in choices.items():
            if getattr(self, field) not in allowed:
                raise ValueError(
                    f"{field} {getattr(self, field)!r} is none of {allowed}"
                )
        if self.num_slots > self.max_length:
            raise ValueError(
                f"num_slots {self.num_slots} exceeds max_length {self.max_length}"
            )

    @property
    def longest_source(self) -> int:
        """Most tokens that the encoder reads."""
        return min(self.num_slots or self.max_length, self.max_length)

    @property
    def head_width(self) -> int:
        """K, width of one attention head."""
        return self.width // self.num_heads
