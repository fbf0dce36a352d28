"""What happened since the last log line: means, examples, seconds of the steps.

The loop feeds it at every step without waiting for the device; what was fed is fetched
when a line is written. A run whose updates have long not been finite ends there.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from time import monotonic

import jax

from epik_jax.means import Mean
from epik_jax.structs import Batch
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.state import TrainState
from epik_jax.training.step import SKIPPED_IN_A_ROW, StepMeans

MAX_BAD_STEPS = 20
"""Skipped updates in a row after which a run gives up."""


class Window:
    """Means since the last log line, and how long they took."""

    def __init__(self, stage: str, num_steps: int, log: MetricLog) -> None:
        """Begins the first window of a stage.

        Args:
          stage: its name, in log lines.
          num_steps: of the whole stage, for the time that is left.
          log: where lines go.
        """
        self._stage, self._num_steps, self._log = stage, num_steps, log
        self._begin()

    def _begin(self) -> None:
        self._pending: list[StepMeans] = []
        self._examples, self._outside = 0, 0.0
        self._since = monotonic()

    def add(self, means: StepMeans, batch: Batch) -> None:
        """Counts a step that was dispatched."""
        self._pending.append(means)
        self._examples += len(batch["weight"])

    @contextlib.contextmanager
    def outside(self, state: TrainState) -> Iterator[None]:
        """Keeps what is done within it, between two steps, out of their time."""
        # Steps that are still under way would count as what is done here.
        jax.block_until_ready(state)
        since = monotonic()
        yield
        self._outside += monotonic() - since

    def write(self, state: TrainState, done: int) -> None:
        """Writes the line of step `done` and begins the next window.

        Raises:
          FloatingPointError: updates have not been finite for long.
        """
        merged: StepMeans = {}
        total = state.opt_state.total_notfinite
        pending, skipped = jax.device_get((self._pending, total))
        # The last step's count alone would miss a run that has ended since the line.
        bad = max(int(means.pop(SKIPPED_IN_A_ROW).total) for means in pending)
        for means in pending:
            for name, mean in means.items():
                # A skipped update must not hide the others of its window.
                if math.isfinite(mean.total):
                    merged[name] = mean.merge(merged.get(name, Mean(0.0, 0.0)))  # type: ignore[arg-type]
        if bad >= MAX_BAD_STEPS:
            raise FloatingPointError(
                f"{self._stage}: {bad} updates in a row were not finite by step "
                f"{done}; set a lower learning rate and use another workdir"
            )
        seconds = monotonic() - self._since - self._outside
        rate = self._examples / seconds
        eta = seconds / len(pending) * (self._num_steps - done)
        # A term that counted nothing is unknown, not 0.
        values = {n: float(mean.value()) for n, mean in merged.items() if mean.count}
        values |= {
            "skipped_updates": int(skipped),
            "examples_per_second": rate,
            "window_seconds": seconds,
            "outside_seconds": self._outside,
        }
        self._log.write(self._stage, done, values)
        logging.info(
            "%s step %d/%d  loss %.4f  %.0f examples/s  ETA %d:%02d",
            *(self._stage, done, self._num_steps),
            *(values.get("loss", math.nan), rate),
            *divmod(int(eta), 60),
        )
        self._begin()
