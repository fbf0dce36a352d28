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
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np

from epik_jax.bounds import demand
from epik_jax.evaluation.timing import Timings, time_predictors
from epik_jax.models.labeller import label
from epik_jax.models.labeller_config import EncoderLabellerConfig, LabellerConfig
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.tagging.teacher_config import sized_labeller
from epik_jax.structs import Params

_RUNS_IN_A_ROW = 10


@dataclasses.dataclass(frozen=True)
class LatencyConfig:
    """What is timed.

    Attributes:
      batch_sizes: sentences handed over at once.
      length: pieces of each.
      runs: measured passes at each batch size.
      matmul_dtype: what all networks compute their products from, whatever they were
        trained with, so that like is compared with like.
    """

    batch_sizes: tuple[int, ...] = (32, 1)
    length: int = 32
    runs: int = 100
    matmul_dtype: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        """Refuses numbers that time nothing."""
        demand(self, 1, "length", "runs")
        if not self.batch_sizes or min(self.batch_sizes) < 1:
            raise ValueError(f"batch_sizes {self.batch_sizes} are not positive numbers")


def time_networks(
    networks: Mapping[str, tuple[Params, LabellerConfig]], config: LatencyConfig
) -> dict[int, Timings]:
    """Wall times of each network at each batch size.

    Networks take turns, several passes in a row each, so that none of them always
    follows upon another's use of the processor's memory.

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
    in_a_row = min(_RUNS_IN_A_ROW, config.runs)
    found = {}
    for batch_size in config.batch_sizes:
        rng = np.random.default_rng(0)
        smallest = min(sizes.vocab_size for _, sizes in networks.values())
        shape = (batch_size * in_a_row, config.length)
        rows = list(rng.integers(0, smallest, shape, dtype=np.int32))
        found[batch_size] = time_predictors(
            passes,
            rows,
            batch_sizes=(batch_size,),
            repeats=-(-config.runs // in_a_row),
        )
    return found


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


def _timed_pass(
    params: Params, config: LabellerConfig
) -> Callable[[Sequence[Any]], Sequence[Any]]:
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
