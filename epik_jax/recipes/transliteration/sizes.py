"""Sizes of a network as a configuration gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from epik_jax.bounds import demand
from epik_jax.models.config import TransformerConfig


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes of a network, without what follows from its vocabulary.

    Attributes:
      width: D of the residual stream.
      num_heads: attention heads.
      feed_forward: width inside the feed-forward blocks.
      encoder_layers: blocks in the encoder.
      decoder_layers: blocks in the decoder.
      dropout: rate in training.
      activation: of the feed-forward blocks; "relu" costs a tenth less on a CPU.
      matmul_dtype: what products are computed from.
      num_slots: fixed number of encoder states; 0 for one a token.
      shared_embedding: encoder and decoder read one table.
      norm: layer norm before each block, or after it.
      positions: fixed sinusoids, or a learned table.
      tied_output: the output layer is the embedding table.
      embedding_norm: layer norm on the embeddings.
      max_length: longest sequence, tag and end included.
    """

    width: int = 256
    num_heads: int = 4
    feed_forward: int = 1024
    encoder_layers: int = 3
    decoder_layers: int = 3
    dropout: float = 0.1
    activation: Literal["gelu", "relu"] = "relu"
    matmul_dtype: Literal["float32", "bfloat16"] = "float32"
    num_slots: int = 0
    shared_embedding: bool = True
    norm: Literal["pre", "post"] = "pre"
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    tied_output: bool = True
    embedding_norm: bool = False
    max_length: int = 64

    def __post_init__(self) -> None:
        """Refuses sizes that cannot be built, and an encoder alone."""
        demand(self, 1, "decoder_layers")
        self.sized(1)  # Whatever the vocabulary, which is known later.

    def sized(self, vocab_size: int) -> TransformerConfig:
        """The whole configuration of a network over so many tokens."""
        return TransformerConfig(
            vocab_size=vocab_size,
            **dataclasses.asdict(self),  # type: ignore[arg-type]
        )

    def demand_room(self, buckets: Sequence[tuple[int, int]]) -> None:
        """Refuses batches that are wider than what the network reads and writes.

        Args:
          buckets: (source, target) widths.

        Raises:
          ValueError: one is too wide; says which size it exceeds.
        """
        for bucket in buckets:
            if max(bucket) > self.max_length:
                raise ValueError(
                    f"bucket {bucket} exceeds model.max_length {self.max_length}; "
                    "raise that, or leave the bucket out of batches.buckets"
                )
            if self.num_slots and bucket[0] > self.num_slots:
                raise ValueError(
                    f"bucket {bucket} exceeds model.num_slots {self.num_slots}; "
                    "raise that, or leave the bucket out of batches.buckets"
                )
