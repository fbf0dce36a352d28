"""A run of the training loop small enough for a test, and to be killed from outside.

`python toy_run.py FOLDER` trains slowly, printing each step that it begins.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from epik_jax.models import layers
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.objectives import terms
from epik_jax.objectives.objective import Objective, Term
from epik_jax.structs import Array, Batch, Params
from epik_jax.training.checkpoint import Checkpoints
from epik_jax.training.loop import LoopConfig, Surroundings, train
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.optimizer import OptimizerConfig, make_optimizer
from epik_jax.training.state import TrainState
from epik_jax.training.step import TrainStep, init_state, make_train_step
from epik_jax.training.stop import InterruptedRunError, StopFlag

CONFIG = LoopConfig(num_steps=12, log_every=3, save_every=4)
META = {"data": "d0", "model": "m0"}
TRAINABLE = ("^student/",)


@dataclasses.dataclass
class Wish(StopFlag):
    """A stop flag that no signal sets."""

    asked: bool = False


def forward(
    params: Params, batch: Batch, *, key: Array | None, computing: Computing = PLAIN
) -> Array:
    """Logits of a linear map, with dropout on what it reads."""
    x_BD = layers.dropout(batch["x"], 0.3, key) @ params["frozen"]["head"]["kernel"]
    inner = params["student"]["inner"]
    return x_BD @ inner["kernel"] + inner["bias"][None]


def _hard_ce(logits_BV: Array, batch: Batch) -> tuple[Array, Array]:
    losses = terms.hard_ce(logits_BV[:, None], batch["labels"][:, None])[:, 0]
    return losses, batch["labels"] >= 0


OBJECTIVE = Objective((Term("hard_ce", _hard_ce),))


def optimizer() -> Any:
    """AdamW, warm from the third step on."""
    return make_optimizer(OptimizerConfig(0.05, warmup_steps=2), CONFIG.num_steps)


@functools.cache
def step() -> TrainStep:
    """The compiled update."""
    update = make_train_step(forward, OBJECTIVE, optimizer(), TRAINABLE)
    return jax.jit(update, donate_argnums=0)


def params(width: int = 5) -> dict[str, Any]:
    """The parameters that every run starts from."""
    rng = np.random.default_rng(0)
    inner = {
        "kernel": rng.normal(size=(width, 8)).astype(np.float32),
        "bias": np.zeros(8, np.float32),
    }
    frozen = {"head": {"kernel": rng.normal(size=(6, width)).astype(np.float32)}}
    return {"student": {"inner": inner}, "frozen": frozen}


def state(width: int = 5) -> TrainState:
    """The state that every run starts from."""
    given = jax.device_put(params(width))
    return init_state(given, optimizer(), TRAINABLE, seed=3)


def batches(start: int) -> Iterator[Batch]:
    """Batch n follows from n alone."""
    for n in itertools.count(start):
        rng = np.random.default_rng(n)
        yield {
            "x": rng.normal(size=(4, 6)).astype(np.float32),
            "labels": rng.integers(0, 8, 4).astype(np.int32),
            "weight": rng.uniform(0.5, 1.5, 4).astype(np.float32),
        }


def bad_at(numbers: Container[int]) -> Callable[[int], Iterator[Batch]]:
    """The stream, with batches that give NaN at the given numbers."""

    def stream(start: int) -> Iterator[Batch]:
        for n, batch in enumerate(batches(start), start):
            yield batch | {"x": batch["x"] * np.nan} if n in numbers else batch

    return stream


def scripted(
    costs: Iterable[float],
) -> tuple[Callable[[TrainState], dict[str, float]], list[list[bytes]]]:
    """A validation that gives these costs in turn, and the bits of what it saw."""
    seen: list[list[bytes]] = []
    left = iter(costs)

    def validate(state: TrainState) -> dict[str, float]:
        seen.append(bits(state))
        return {"cost": next(left)}

    return validate, seen


def stopping_after(num_steps: int) -> dict[str, Any]:
    """A step that wishes to stop while it runs for the `num_steps`-th time."""
    wish, calls = Wish(), itertools.count(1)

    def stopping(state: TrainState, batch: Batch) -> Any:
        wish.asked = next(calls) == num_steps
        return step()(state, batch)

    return {"step": stopping, "stop": wish}


def run(
    folder: Path,
    *,
    batches: Callable[[int], Iterator[Batch]] = batches,
    step: Callable[..., Any] | None = None,
    stop: Any = None,
    meta: dict[str, str] = META,
    validate: Callable[[TrainState], dict[str, float]] | None = None,
    start: TrainState | None = None,
    place: Callable[[Batch], Batch] = jax.device_put,
    **changes: Any,
) -> TrainState:
    """Trains in `folder`, going on with what is there."""
    config = dataclasses.replace(CONFIG, **changes)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        within = Surroundings(
            "toy",
            meta,
            checkpoints,
            MetricLog(folder / "metrics.jsonl"),
            stop or Wish(),
            validate,
        )
        return train(
            state() if start is None else start,
            globals()["step"]() if step is None else step,
            lambda start: map(place, batches(start)),
            config,
            within,
        )


def bits(state: TrainState) -> list[bytes]:
    """Every byte of a state, key and optimizer included."""
    state = dataclasses.replace(state, key=jax.random.key_data(state.key))
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


def _slow(state: TrainState, batch: Batch) -> Any:
    print("step", int(state.step), flush=True)
    time.sleep(0.05)
    return step()(state, batch)


if __name__ == "__main__":
    try:
        with StopFlag() as flag:
            run(Path(sys.argv[1]), step=_slow, stop=flag, num_steps=400)
    except InterruptedRunError as error:
        print(error)
        sys.exit(143)
