"""Latency of compiled passes over full batches of pieces, by one protocol for all.

Passes go in, wall times come out: warm, alone on the device, from ids on the host to
answers on the device. Text is not among it, and neither is what a pass computes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from epik_jax.bounds import demand
from epik_jax.evaluation.timing import BatchTiming, Timings, time_predictors

Pass: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]
"""Rows of ids -> answers on the device, done when it returns."""

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


def time_passes(
    passes: Mapping[str, Pass], num_ids: int, config: LatencyConfig
) -> dict[int, Timings]:
    """Wall times of each pass at each batch size.

    Passes take turns, several in a row each, so that none of them always follows upon
    another's use of the processor's memory.

    Args:
      passes: by name.
      num_ids: ids are drawn below it.
      config: what is timed.

    Returns:
      Batch size -> times of a pass.
    """
    in_a_row = min(_RUNS_IN_A_ROW, config.runs)
    found = {}
    for batch_size in config.batch_sizes:
        rng = np.random.default_rng(0)
        shape = (batch_size * in_a_row, config.length)
        rows = list(rng.integers(0, num_ids, shape, dtype=np.int32))
        found[batch_size] = time_predictors(
            passes,
            rows,
            batch_sizes=(batch_size,),
            repeats=-(-config.runs // in_a_row),
        )
    return found


def milliseconds(one: BatchTiming) -> dict[str, float]:
    """Mean, median and 95th percentile, as reports hold them."""
    return {"mean_ms": one.mean_ms, "p50_ms": one.p50_ms, "p95_ms": one.p95_ms}
