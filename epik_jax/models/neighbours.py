"""First values with which heads of attention look at what stands beside them.

A network of learned positions has to find out that neighbours matter before it can
learn anything from them, which takes most of a short training. Positions begin as waves
of even rates here, nearly orthogonal to each other, and the first heads of each block
as turns of these waves by so many places. All of it may be unlearnt. Parameters of an
encoder go in and come out; heads of 32 numbers and more tell places well apart.

Kin of the mimetic initialisation of Trockman and Kolter 2023; waves and turns are those
of Vaswani et al. 2017, section 3.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from epik_jax.models.config import TransformerConfig
from epik_jax.models.initial import waves
from epik_jax.structs import Params

_LOUDNESS = 2.0
"""Of a wave, where an entry of a token's embedding has a deviation of 1."""

_PEAK = 5.0
"""By so much the logit of the place that is looked at exceeds that of others."""


def look_beside(
    params: Params, config: TransformerConfig, offsets: Sequence[int]
) -> dict[str, Any]:
    """The parameters, with heads that begin by looking at their neighbours.

    Args:
      params: of a network of this configuration, with learned positions.
      config: sizes.
      offsets: of the first heads of each encoder block; head i of position p looks at
        position p + offsets[i].

    Returns:
      A tree of the same shapes.
    """
    half = config.width // 2
    rates = math.pi * np.arange(1, half + 1) / half
    encoder = dict(params["encoder"])
    for i in range(config.encoder_layers):
        block = encoder[name := f"block_{i:02d}"]
        attention = dict(block["attention"])
        for part, turns in (("query", offsets), ("key", (0,) * len(offsets))):
            kernel = _looking(attention[part]["kernel"], rates, turns, config)
            attention[part] = {**attention[part], "kernel": kernel}
        encoder[name] = {**block, "attention": attention}
    positions = _LOUDNESS * waves(config.max_length, rates)
    return {**params, "position_embedding": positions, "encoder": encoder}


def demand_offsets(offsets: Sequence[int], num_heads: int, width: int) -> None:
    """Refuses more offsets than heads, and heads that hold no whole wave.

    Raises:
      ValueError: says which.
    """
    if len(offsets) > num_heads:
        raise ValueError(f"offsets {tuple(offsets)} are more than {num_heads} heads")
    if offsets and (width // num_heads) % 2:
        raise ValueError(
            f"a head of {width // num_heads} numbers holds no whole waves: offsets "
            "want an even number"
        )


def _looking(
    kernel_DD: np.ndarray,
    rates: np.ndarray,
    turns: Sequence[int],
    config: TransformerConfig,
) -> np.ndarray:
    """A kernel whose first heads read every n-th wave, turned by so many places."""
    found, width = np.array(kernel_DD), config.head_width
    # After the norm a wave's share of the variance is that of its loudness.
    heard = _LOUDNESS**2 / (1 + _LOUDNESS**2 / 2)
    scale = math.sqrt(_PEAK * math.sqrt(width) / (heard * (width // 2)))
    half = len(rates)
    for head, turn in enumerate(turns):
        read = np.arange(head, half, config.num_heads)[: width // 2]
        cosines, sines = (f(rates[read] * turn) for f in (np.cos, np.sin))
        block = np.zeros((2 * half, width), np.float32)
        first = np.arange(len(read))
        second = first + width // 2
        # sin(a + b) and cos(a + b), of the sines and cosines that are there.
        block[read, first], block[half + read, first] = cosines, sines
        block[half + read, second], block[read, second] = cosines, -sines
        found[:, head * width : (head + 1) * width] = scale * block
    return found
