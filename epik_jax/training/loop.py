"""The one training loop: batches in, updates, log lines, checkpoints, a state out.

It knows a step function and a stream that can start at any step; not what is trained,
nor on what. A run that was stopped goes on at the newest sound checkpoint.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator
from typing import Any

import jax

from epik_jax.bounds import demand
from epik_jax.structs import Batch
from epik_jax.training.checkpoint import Checkpoints
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.prefetch import prefetch
from epik_jax.training.state import TrainState
from epik_jax.training.step import TrainStep
from epik_jax.training.stop import InterruptedRunError, StopFlag
from epik_jax.training.window import Window


@dataclasses.dataclass(frozen=True)
class LoopConfig:
    """How long, how often what, and in how much memory.

    Attributes:
      num_steps: updates in this stage.
      log_every: steps between log lines.
      save_every: steps between checkpoints.
      validate_every: steps between validations, 0 for none.
      patience: validations without a better one before the stage ends, 0 for no end.
      keep_best: end with the parameters of the best validation; what the stage begins
        with is validated, too, so that none ends worse than it began.
      num_microbatches: parts of a batch that are passed through one after the other,
        their gradients summed; dropout aside, the update is the same.
    """

    num_steps: int
    log_every: int = 100
    save_every: int = 1000
    validate_every: int = 0
    patience: int = 0
    keep_best: bool = False
    num_microbatches: int = 1

    def __post_init__(self) -> None:
        """Refuses intervals that mean nothing."""
        demand(self, 1, "num_steps", "log_every", "save_every", "num_microbatches")
        demand(self, 0, "validate_every", "patience")
        if (self.patience or self.keep_best) and not self.validate_every:
            raise ValueError("patience and keep_best need a validate_every above 0")


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a stage trains within.

    Attributes:
      name: of the stage, in log lines.
      meta: JSON values saved with every checkpoint; a resumed run must have the same.
      checkpoints: of this stage.
      log: of the run.
      stop: the wish to stop.
      validate: state -> metrics, of which "cost" is lower for a better state.
    """

    name: str
    meta: dict[str, Any]
    checkpoints: Checkpoints
    log: MetricLog
    stop: StopFlag
    validate: Callable[[TrainState], dict[str, float]] | None = None


def train(
    state: TrainState,
    step: TrainStep,
    batches: Callable[[int], Iterator[Batch]],
    config: LoopConfig,
    within: Surroundings,
) -> TrainState:
    """Runs a stage to its end.

    Args:
      state: where it starts, unless a checkpoint is found; its buffers are donated.
      step: compiled update.
      batches: the stream of batches from a given step on, placed on the devices.
      config: lengths and intervals.
      within: checkpoints, log, stop flag and validation.

    Returns:
      The state after the last step, or the best one.

    Raises:
      InterruptedRunError: a stop was asked for; the state is saved.
      FloatingPointError: updates have not been finite for long.
      ValueError: the checkpoints belong to another configuration.
    """
    state = _resumed(state, within)
    start, validations = int(state.step), _Validations(config, within)
    window = Window(within.name, config.num_steps, within.log)
    if not start and config.keep_best and within.checkpoints.newest() is None:
        cost = validations.now(state, 0, window)
        if cost is not None:
            within.checkpoints.save(state, within.meta, cost)
    with contextlib.closing(prefetch(batches(start))) as stream:
        for done in range(start + 1, config.num_steps + 1):
            if validations.exhausted:
                break
            batch = next(stream)
            # A copy that nobody asked for would be made at every step, unnoticed.
            with jax.transfer_guard("disallow"):
                state, means = step(state, batch)
            window.add(means, batch)
            cost = validations.maybe(state, done, window)
            last = done == config.num_steps or validations.exhausted
            # Read once: a signal that comes during the save is for the next step.
            stopping = within.stop.asked
            if last or stopping or done % config.log_every == 0:
                window.write(state, done)
            due = last or done % config.save_every == 0 or cost is not None
            if stopping or due:
                with window.outside(state):
                    within.checkpoints.save(state, within.meta, cost)
            if stopping and not last:
                raise InterruptedRunError(
                    f"{within.name}: stopped after step {done}, saved"
                )
    if config.keep_best and (best := within.checkpoints.best()) is not None:
        state = within.checkpoints.restore(best, state)
    return state


def _resumed(state: TrainState, within: Surroundings) -> TrainState:
    newest = within.checkpoints.newest()
    if newest is None:
        within.log.resume(within.name, -1)
        return state
    # Before the state is read: another model's arrays would fail by shape alone.
    meta = within.checkpoints.meta(newest)
    for part in sorted({*meta, *within.meta}):
        then, now = meta.get(part), within.meta.get(part)
        if then != now:
            made = f"without {part}" if then is None else f"with {part} {then}"
            raise ValueError(
                f"{within.name}: the checkpoints were made {made}, this run has "
                f"{'none' if now is None else now}; use another workdir"
            )
    within.log.resume(within.name, newest)
    logging.info("%s: resumed after step %d", within.name, newest)
    return within.checkpoints.restore(newest, state)


class _Validations:
    """Validates at intervals and counts how long nothing got better."""

    def __init__(self, config: LoopConfig, within: Surroundings) -> None:
        self._config, self._within = config, within
        rows = [r for r in within.log.rows() if r["stage"] == within.name]
        self._costs = [r["cost"] for r in rows if "cost" in r]

    @property
    def exhausted(self) -> bool:
        patience = self._config.patience
        if not patience or len(self._costs) <= patience:
            return False
        return min(self._costs[-patience:]) >= min(self._costs[:-patience])

    def maybe(self, state: TrainState, done: int, window: Window) -> float | None:
        every = self._config.validate_every
        due = every and (done % every == 0 or done == self._config.num_steps)
        return self.now(state, done, window) if due else None

    def now(self, state: TrainState, done: int, window: Window) -> float | None:
        if self._within.validate is None:
            return None
        with window.outside(state):
            values = self._within.validate(state)
        self._within.log.write(self._within.name, done, values)
        shown = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
        logging.info("%s step %d  %s", self._within.name, done, shown)
        self._costs.append(values["cost"])
        return values["cost"]
