"""Sizes of encoders that score pairs, out of settings."""

from __future__ import annotations

import dataclasses

from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.encoder_config import EncoderConfig


def sized_encoder(
    model: EncoderConfig, vocab_size: int, *, matches: bool
) -> TransformerConfig:
    """An encoder over so many pieces, with segments for those of both texts if wanted.

    Args:
      model: sizes.
      vocab_size: pieces.
      matches: whether pieces that stand in both texts are marked.
    """
    encoder = model.sized(vocab_size)
    return dataclasses.replace(encoder, token_types=4) if matches else encoder
