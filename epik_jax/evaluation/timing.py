"""Time that predictors take on the same words, from text to text.

A predictor takes a list of words and returns once its answers lie on the host, so that
encoding, dispatch, every pass of a chain and decoding are all in the figure. Nothing is
averaged with its compilation. It measures; it does not judge.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

TimedPredictor: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]
"""Words -> one answer each, on the host when it returns (asynchronous work done)."""

_PROCESSORS = pathlib.Path("/proc/cpuinfo")

MAX_BATCHES = 64
"""Of one batch size in a pass: the shortest would take all day otherwise."""


@dataclasses.dataclass(frozen=True)
class BatchTiming:
    """What one system took at one batch size.

    Attributes:
      batch_size: words handed over at once.
      num_words: distinct words among those of a pass.
      num_batches: measured calls, warm-up not among them.
      mean_ms: mean wall time of a call in milliseconds.
      p50_ms: median.
      p95_ms: 95th percentile.
      words_per_second: words over the summed wall time.
    """

    batch_size: int
    num_words: int
    num_batches: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    words_per_second: float


@dataclasses.dataclass(frozen=True)
class Timings:
    """Times of several predictors on the same words, and how they were taken.

    Attributes:
      device: where, in words.
      num_words: distinct inputs that the batches are made of; a small batch size sees
        the first of them alone.
      repeats: measured passes at each batch size.
      systems: name -> one `BatchTiming` per batch size.
    """

    device: str
    num_words: int
    repeats: int
    systems: Mapping[str, tuple[BatchTiming, ...]]


def time_predictors(
    predictors: Mapping[str, TimedPredictor],
    words: Sequence[Any],
    *,
    batch_sizes: Sequence[int] = (1, 32, 256),
    repeats: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> Timings:
    """Times several predictors on identical batches, taking turns.

    At each batch size every predictor first sees all batches once, unmeasured, so that
    whatever compiles has compiled. Then the predictors take turns pass by pass: what
    disturbs the machine for a while disturbs all of them. Every batch is full; words
    start again from the first where they do not fill the last one. A pass is of at most
    `MAX_BATCHES`.

    Args:
      predictors: name -> predictor.
      words: fixed input, in a fixed order.
      batch_sizes: sizes to time.
      repeats: measured passes over the batches.
      clock: seconds, monotonic.

    Returns:
      Per predictor one `BatchTiming` per batch size, in the order given; the device
      is the default one of JAX.

    Raises:
      ValueError: no words, or a predictor that answers too few.
    """
    if not words:
        raise ValueError("no words to time predictors on")
    timings: dict[str, list[BatchTiming]] = {name: [] for name in predictors}
    for batch_size in batch_sizes:
        batches = _full_batches(words, batch_size)
        num_words = min(len(words), batch_size * len(batches))
        for name, predict in predictors.items():
            for batch in batches:
                _demand_answers(name, batch, predict(batch))
        seconds: dict[str, list[float]] = {name: [] for name in predictors}
        for _ in range(repeats):
            for name, predict in predictors.items():
                seconds[name] += _time_pass(predict, batches, clock)
        for name, values in seconds.items():
            timings[name].append(_batch_timing(batch_size, num_words, values))
    return Timings(
        device=device_name(),
        num_words=len(words),
        repeats=repeats,
        systems={name: tuple(values) for name, values in timings.items()},
    )


def reduction_percent(
    student: Sequence[BatchTiming], chain: Sequence[BatchTiming]
) -> dict[int, float]:
    """By how many percent the student's mean time is below the chain's, per batch size.

    Raises:
      ValueError: the two were timed at different batch sizes.
    """
    sizes = [t.batch_size for t in student]
    if sizes != [t.batch_size for t in chain]:
        raise ValueError(
            f"student timed at {sizes}, chain at {[t.batch_size for t in chain]}"
        )
    return {
        mine.batch_size: 100.0 * (1.0 - mine.mean_ms / theirs.mean_ms)
        for mine, theirs in zip(student, chain, strict=True)
    }


def device_name() -> str:
    """The device in words: kind of accelerator, or processor and cores in use."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return f"{jax.device_count()} x {device.device_kind}"
    return f"{_processor_name()}, {_num_cores()} cores"


def _full_batches(words: Sequence[Any], batch_size: int) -> list[list[Any]]:
    if batch_size < 1:
        raise ValueError(f"batch size must be positive, got {batch_size}")
    num_batches = min(MAX_BATCHES, -(-len(words) // batch_size))
    return [
        [words[(b * batch_size + i) % len(words)] for i in range(batch_size)]
        for b in range(num_batches)
    ]


def _time_pass(
    predict: TimedPredictor, batches: list[list[Any]], clock: Callable[[], float]
) -> list[float]:
    seconds = []
    for batch in batches:
        start = clock()
        predict(batch)
        seconds.append(clock() - start)
    return seconds


def _batch_timing(batch_size: int, num_words: int, seconds: list[float]) -> BatchTiming:
    values = np.asarray(seconds)
    p50, p95 = np.percentile(values, (50, 95))
    return BatchTiming(
        batch_size=batch_size,
        num_words=num_words,
        num_batches=len(values),
        mean_ms=float(values.mean() * 1e3),
        p50_ms=float(p50 * 1e3),
        p95_ms=float(p95 * 1e3),
        words_per_second=float(batch_size * len(values) / values.sum()),
    )


def _demand_answers(name: str, batch: list[Any], answers: Sequence[Any]) -> None:
    if len(answers) != len(batch):
        raise ValueError(f"{name}: {len(answers)} answers to {len(batch)} words")


def _processor_name() -> str:
    if _PROCESSORS.exists():
        for line in _PROCESSORS.read_text(errors="replace").split("\n"):
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "CPU"


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
