"""Sizes of networks that score pairs of texts.

What is written here is all that is needed to rebuild a network around saved parameters;
nothing here touches an array.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, TypeAlias, get_args

from epik_jax.bounds import demand, demand_rate, within
from epik_jax.models.config import LARGEST_LENGTH, TransformerConfig
from epik_jax.models.labeller_config import demand_labels

Prediction: TypeAlias = Literal["mean", "golden", "soft_mean", "weighted"]
PREDICTIONS: tuple[Prediction, ...] = get_args(Prediction)
"""By the mean of all headers' probabilities, by that of people's labels alone, by the
mean of the teachers' headers, or by a mean with weights of its own."""


@dataclasses.dataclass(frozen=True)
class EncoderScorerConfig:
    """A transformer encoder that reads both texts in one row, and headers (TMKD).

    Attributes:
      encoder: without a decoder; with segments.
      labels: what the C classes are called, in order.
      num_headers: M + 1: the first learns from people, each other one from a teacher.
      pooler: whether headers read the first state through a dense layer and a tanh, as
        BERT was made to be fine-tuned.
      matches: whether pieces that stand in the other text, too, are marked by segments
        of their own: the "exact match" of Chen et al. 2017 (DrQA, section 3.2). Without
        much text to learn from, that two pieces are equal is hard to find out.
      prediction: how the headers' answers become one.
      weights: of the headers where they are weighted; else empty.
    """

    encoder: TransformerConfig
    labels: tuple[str, ...]
    num_headers: int = 1
    pooler: bool = True
    matches: bool = False
    prediction: Prediction = "mean"
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what reads no pairs."""
        demand(self, 1, "num_headers")
        demand_labels(self.labels)
        demand_prediction(self.prediction, self.weights, self.num_headers)
        if self.encoder.decoder_layers or self.encoder.num_slots:
            raise ValueError("a scorer's encoder has no decoder_layers and no slots")
        wanted = 4 if self.matches else 2
        if self.encoder.token_types < wanted:
            raise ValueError(
                f"token_types is {self.encoder.token_types}: two texts in a row are "
                f"told apart by {wanted}, where matches is {self.matches}"
            )

    @property
    def max_length(self) -> int:
        """Most pieces of a row, frame included."""
        return self.encoder.max_length

    @property
    def vocab_size(self) -> int:
        """V, rows of the embedding table."""
        return self.encoder.vocab_size


@dataclasses.dataclass(frozen=True)
class BilstmScorerConfig:
    """A BiLSTM over pieces, each beside what it is like in the other text.

    Attributes:
      vocab_size: V.
      embedding: E, width of the embedding table.
      hidden: H, units of each direction.
      labels: what the C classes are called, in order.
      num_headers: M + 1, as of an encoder.
      max_length: most pieces of a row, frame included.
      dropout: rate on embeddings and on what headers read.
      recurrent_dropout: rate on the state that goes round, one mask a row.
      matmul_dtype: what products are computed from; sums are float32 either way.
      prediction: how the headers' answers become one.
      weights: of the headers where they are weighted; else empty.
    """

    vocab_size: int
    embedding: int
    hidden: int
    labels: tuple[str, ...]
    num_headers: int = 1
    max_length: int = 128
    dropout: float = 0.1
    recurrent_dropout: float = 0.1
    matmul_dtype: Literal["float32", "bfloat16"] = "float32"
    prediction: Prediction = "mean"
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuses sizes that cannot be built."""
        demand_prediction(self.prediction, self.weights, self.num_headers)
        demand(self, 1, "vocab_size", "embedding", "hidden", "num_headers")
        demand_labels(self.labels)
        within(self, 5, LARGEST_LENGTH, "max_length")
        demand_rate(self, "dropout", "recurrent_dropout")


def demand_prediction(
    prediction: str, weights: tuple[float, ...], num_headers: int
) -> None:
    """Refuses a way to predict that these headers do not have."""
    if prediction not in PREDICTIONS:
        raise ValueError(f"prediction {prediction!r} is none of {PREDICTIONS}")
    if prediction == "soft_mean" and num_headers < 2:
        raise ValueError("prediction 'soft_mean' needs a teacher's header")
    if prediction != "weighted":
        if weights:
            raise ValueError(f"weights {weights} are of prediction 'weighted' alone")
    elif (
        len(weights) != num_headers
        or not all(0 <= weight < math.inf for weight in weights)
        or not sum(weights)
    ):
        raise ValueError(
            f"weights {weights} are not one of 0 or more for each of {num_headers} "
            "headers"
        )


ScorerConfig: TypeAlias = EncoderScorerConfig | BilstmScorerConfig
