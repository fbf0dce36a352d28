"""Latency of labelling networks by the protocol of XtremeDistil.

Networks go in, wall times of compiled passes over full batches of 32 pieces come out:
warm, alone on the device, from ids on the host to logits on the device. Text is not
among it.

Source: Mukherjee and Awadallah 2020, section 5 (batch 32 and batch 1, length 32, mean
of 100 runs).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np

from epik_jax.evaluation.timing import Timings
from epik_jax.models.labeller import label
from epik_jax.models.labeller_config import EncoderLabellerConfig, LabellerConfig
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.latency import LatencyConfig, Pass, time_passes
from epik_jax.recipes.tagging.teacher_config import sized_labeller
from epik_jax.structs import Params


def time_networks(
    networks: Mapping[str, tuple[Params, LabellerConfig]], config: LatencyConfig
) -> dict[int, Timings]:
    """Wall times of each network at each batch size.

    Args:
      networks: name -> parameters and sizes.
      config: what is timed.

    Returns:
      Batch size -> times of a pass.

    Raises:
      ValueError: a network does not read so many pieces.
    """
    for name, (_, sizes) in networks.items():
        demand_readable(name, sizes, config)
    passes = {
        name: _timed_pass(params, _computing(sizes, config.matmul_dtype))
        for name, (params, sizes) in networks.items()
    }
    smallest = min(sizes.vocab_size for _, sizes in networks.values())
    return time_passes(passes, smallest, config)


def demand_readable(name: str, sizes: LabellerConfig, config: LatencyConfig) -> None:
    """Refuses sentences that are longer than what a network reads.

    Raises:
      ValueError: says which network.
    """
    if sizes.max_length < config.length:
        raise ValueError(
            f"config.scoreboard.latency.length is {config.length}, and {name} reads "
            f"{sizes.max_length} pieces"
        )


def mbert_sized(labels: tuple[str, ...]) -> EncoderLabellerConfig:
    """A tagger of the size of multilingual BERT (cased, base): 178 million numbers."""
    sizes = EncoderConfig(
        width=768,
        num_heads=12,
        feed_forward=3072,
        layers=12,
        max_length=512,
    )
    return sized_labeller(sizes, 119547, labels, whole=False)


def _computing(
    sizes: LabellerConfig, dtype: Literal["float32", "bfloat16"]
) -> LabellerConfig:
    if isinstance(sizes, EncoderLabellerConfig):
        encoder = dataclasses.replace(sizes.encoder, matmul_dtype=dtype)
        return dataclasses.replace(sizes, encoder=encoder)
    return dataclasses.replace(sizes, matmul_dtype=dtype)


def _timed_pass(params: Params, config: LabellerConfig) -> Pass:
    placed = jax.device_put(params)

    def timed(rows: Sequence[Any]) -> Sequence[Any]:
        tokens = np.stack(rows)
        logits = _logits(placed, tokens, np.ones(tokens.shape, bool), config)
        return jax.block_until_ready(logits)  # type: ignore[no-any-return]

    return timed


@functools.partial(jax.jit, static_argnums=3)
def _logits(
    params: Params, tokens: np.ndarray, mask: np.ndarray, config: LabellerConfig
) -> jax.Array:
    output = label(params, config, tokens, mask, layer=config.num_layers)
    return output.logits  # type: ignore[return-value]
