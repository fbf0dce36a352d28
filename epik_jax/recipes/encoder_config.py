"""Sizes of a BERT-shaped encoder, as settings; what it answers, its recipe says."""

from __future__ import annotations

import dataclasses
from typing import Literal

from epik_jax.models.config import TransformerConfig


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Sizes of an encoder, without what follows from its pieces.

    Attributes:
      width: D of the residual stream.
      num_heads: attention heads.
      feed_forward: width inside the feed-forward blocks.
      layers: blocks.
      max_length: longest row in pieces, frame included; longer ones are cut.
      dropout: rate in training.
      matmul_dtype: what products are computed from.
      norm: layer norm after each block, as in BERT, or before it: drawn networks of
        many blocks learn at higher rates then (Xiong et al. 2020). A BERT's folder has
        its own.
    """

    width: int = 512
    num_heads: int = 8
    feed_forward: int = 2048
    layers: int = 6
    max_length: int = 128
    dropout: float = 0.1
    matmul_dtype: Literal["float32", "bfloat16"] = "bfloat16"
    norm: Literal["pre", "post"] = "post"

    def __post_init__(self) -> None:
        """Refuses sizes that no network could have, before anything is read."""
        self.sized(1)

    def sized(self, vocab_size: int) -> TransformerConfig:
        """The network over so many pieces: BERT's, but for its size."""
        return TransformerConfig(
            vocab_size=vocab_size,
            width=self.width,
            num_heads=self.num_heads,
            feed_forward=self.feed_forward,
            encoder_layers=self.layers,
            decoder_layers=0,
            max_length=self.max_length,
            norm=self.norm,
            positions="learned",
            activation="gelu_exact",
            embedding_norm=True,
            token_types=2,
            dropout=self.dropout,
            matmul_dtype=self.matmul_dtype,
            norm_epsilon=1e-12,
        )
