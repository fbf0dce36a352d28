"""Sizes of encoders that score pairs, out of settings."""

from __future__ import annotations

import dataclasses

from epik_jax.models.scorer_config import EncoderScorerConfig, Prediction
from epik_jax.recipes.encoder_config import EncoderConfig


def sized_scorer(
    model: EncoderConfig,
    vocab_size: int,
    labels: tuple[str, ...],
    *,
    matches: bool,
    num_headers: int = 1,
    prediction: Prediction = "mean",
    weights: tuple[float, ...] = (),
) -> EncoderScorerConfig:
    """A scorer of such an encoder over so many pieces.

    Args:
      model: sizes.
      vocab_size: pieces.
      labels: names of the classes.
      matches: whether pieces that stand in both texts are marked.
      num_headers: of people and voices.
      prediction: how headers' answers become one.
      weights: of the headers where they are weighted.
    """
    encoder = model.sized(vocab_size)
    if matches:
        encoder = dataclasses.replace(encoder, token_types=4)
    return EncoderScorerConfig(
        encoder,
        labels,
        num_headers,
        matches=matches,
        prediction=prediction,
        weights=weights,
    )
