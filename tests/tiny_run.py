"""One run of the whole recipe, as small as it can be, for several test files.

The cache is filled first, as a run that was stopped there would leave it; a second
command goes on to the report, a third finds everything done.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from epik_jax.recipes import recipe
from epik_jax.recipes import run as runs
from epik_jax.teachers import placed

CONFIG = f"{Path(__file__).parents[1]}/configs/epik.py:tiny"
SMALL_MODELS = [
    f"epik.{who}.model.{size}"
    for who in ("teacher", "student")
    for size in ("width=8", "feed_forward=8", "encoder_layers=1", "decoder_layers=1")
]
OVERRIDES = [
    "data.num_synthetic=8",
    *SMALL_MODELS,
    *(
        f"epik.{stage}.{setting}"
        for stage in ("teacher", "student.stages[0]")
        for setting in (
            "batches.batch_size=8",
            "batches.buckets=((40, 40),)",
            "loop.num_steps=4",
            "loop.log_every=2",
            "loop.save_every=4",
            "loop.validate_every=4",
        )
    ),
    "epik.teacher.num_validated=4",
    "epik.num_validated=4",
    "epik.transfer.num_words=4",
    "epik.transfer.num_shards=1",
    "epik.transfer.teacher_share=0.0",
    "epik.transfer.beam_width=2",
    "epik.transfer.wanted.num_hypotheses=2",
    "scoreboard.num_names=4",
    "scoreboard.num_timed=4",
    "scoreboard.batch_sizes=(4,)",
    "scoreboard.num_attended=1",
]


@dataclasses.dataclass(frozen=True)
class TinyRun:
    """What is left of the three commands.

    Attributes:
      folder: of the run.
      report: what the second command returned.
      trained: stages that each command trained.
      written: relative path -> time of writing, after each command.
    """

    folder: Path
    report: dict[str, Any]
    trained: list[list[str]]
    written: list[dict[str, int]]


@functools.cache
def finished() -> TinyRun:
    """The run, made once for a process."""
    folder = Path(tempfile.mkdtemp(prefix="tiny-run-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    trained: list[list[str]] = []
    written: list[dict[str, int]] = []
    report = None
    with small(trained):
        for command in range(3):
            trained.append([])
            if command == 0:
                runs.fill_caches(CONFIG, OVERRIDES, folder)
            else:
                made = runs.run(CONFIG, OVERRIDES, folder, evaluate=command == 1)
                report = report or made
            written.append(times(folder))
    assert report is not None
    return TinyRun(folder, report, trained, written)


@contextlib.contextmanager
def small(trained: list[list[str]]) -> Iterator[None]:
    """Few shapes to compile, signals left alone, and an account of what is trained."""
    train = recipe.train

    def noted(*args: Any) -> Any:
        trained[-1].append(args[-1].name)
        return train(*args)

    handlers = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(placed, "WIDTH_STEP", 32)
            patch.setattr(recipe, "train", noted)
            yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def times(folder: Path) -> dict[str, int]:
    """Every file with its time of writing."""
    files = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in files}
