"""Sizes of networks that label sentences: every word, or the whole.

What is written here is all that is needed to rebuild a network around saved parameters;
nothing here touches an array.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, TypeAlias

from epik_jax.bounds import demand, demand_rate, within
from epik_jax.models.config import LARGEST_LENGTH, TransformerConfig


@dataclasses.dataclass(frozen=True)
class EncoderLabellerConfig:
    """A transformer encoder with a layer of labels on top, as BERT is fine-tuned.

    Attributes:
      encoder: without a decoder.
      labels: what the C classes are called, in order.
      pooling: "none" labels every piece, "first" the sentence by its first piece.
    """

    encoder: TransformerConfig
    labels: tuple[str, ...]
    pooling: Literal["none", "first"] = "none"

    def __post_init__(self) -> None:
        """Refuses what is no encoder."""
        demand_labels(self.labels)
        if self.encoder.decoder_layers or self.encoder.num_slots:
            raise ValueError("a labeller's encoder has no decoder_layers and no slots")

    @property
    def pools(self) -> bool:
        """Whether it labels the sentence instead of its pieces."""
        return self.pooling != "none"

    @property
    def max_length(self) -> int:
        """Most pieces of a row, frame included."""
        return self.encoder.max_length

    @property
    def vocab_size(self) -> int:
        """V, rows of the embedding table."""
        return self.encoder.vocab_size

    @property
    def num_layers(self) -> int:
        """Layers whose states can be imitated; layer 0 is the embedding."""
        return self.encoder.encoder_layers

    def width_of(self, layer: int) -> int:
        """D, width of a layer's states: all have the encoder's."""
        return self.encoder.width


@dataclasses.dataclass(frozen=True)
class BilstmLabellerConfig:
    """Embedding, BiLSTM, projection to a teacher's width, labels (XtremeDistil).

    Attributes:
      vocab_size: V.
      embedding: E, width of the embedding table.
      hidden: H, units of each direction.
      projection: D, width of what a teacher's states are imitated in, between the
        BiLSTM and the labels; 0 labels the BiLSTM's own states.
      labels: what the C classes are called, in order.
      pooling: "none" labels every piece; "last" the sentence by where both directions
        ended, "max" by the largest of each unit.
      max_length: most pieces of a row, frame included.
      dropout: rate on embeddings and on the BiLSTM's states.
      recurrent_dropout: rate on the state that goes round, one mask a sequence.
      matmul_dtype: what products are computed from; sums are float32 either way.
    """

    vocab_size: int
    embedding: int
    hidden: int
    projection: int
    labels: tuple[str, ...]
    pooling: Literal["none", "last", "max"] = "none"
    max_length: int = 128
    dropout: float = 0.2
    recurrent_dropout: float = 0.2
    matmul_dtype: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        """Refuses sizes that cannot be built."""
        demand(self, 1, "vocab_size", "embedding", "hidden")
        demand(self, 0, "projection")
        demand_labels(self.labels)
        within(self, 3, LARGEST_LENGTH, "max_length")
        demand_rate(self, "dropout", "recurrent_dropout")

    @property
    def pools(self) -> bool:
        """Whether it labels the sentence instead of its pieces."""
        return self.pooling != "none"

    @property
    def num_layers(self) -> int:
        """Layers whose states can be imitated: the last one alone."""
        return 1

    def width_of(self, layer: int) -> int:
        """D, width of a layer's states: what labels are read from, or layer 0."""
        return (self.projection or 2 * self.hidden) if layer else self.embedding


def demand_labels(labels: tuple[str, ...]) -> None:
    """Refuses names of classes that do not tell them apart."""
    if not labels or len(set(labels)) < len(labels):
        raise ValueError(f"labels {labels} are none, or have one twice")


LabellerConfig: TypeAlias = EncoderLabellerConfig | BilstmLabellerConfig
