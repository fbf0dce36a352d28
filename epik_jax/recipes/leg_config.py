"""One leg of training, as settings: rows, updates and lengths."""

from __future__ import annotations

import dataclasses

from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class LegConfig:
    """One leg of a network's training.

    Attributes:
      batches: batch size, widths, sampling.
      optimizer: settings of the update.
      loop: lengths and intervals.
    """

    batches: RowBatchConfig
    optimizer: OptimizerConfig
    loop: LoopConfig
