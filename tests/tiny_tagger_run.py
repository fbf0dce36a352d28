"""One run of XtremeDistil, as small as it can be, for several tests.

The cache is filled first; a run is stopped before the student's second stage, another
goes on to the end, and a last one finds everything done.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_run

from epik_jax.recipes import recipe
from epik_jax.recipes import run as runs
from epik_jax.teachers import placed
from epik_jax.training.stop import InterruptedRunError

CONFIG = f"{Path(__file__).parents[1]}/configs/xtremedistil.py:tiny"
STAGES = ["student-1-representation", "student-2-joint"]
OVERRIDES = [
    "data.langs=('en', 'hi')",
    "data.num_sentences=10",
    "xtremedistil.pieces.size=300",
    "xtremedistil.signals.storage=float32",
    "xtremedistil.teacher.model.width=8",
    "xtremedistil.teacher.model.feed_forward=8",
    "xtremedistil.teacher.model.layers=1",
    "xtremedistil.teacher.num_validated=2",
    "xtremedistil.student.model.hidden=4",
    "xtremedistil.student.strategy=D3.1",
    "xtremedistil.student.num_held_out=2",
    "xtremedistil.student.num_validated=2",
    *(
        f"xtremedistil.{stage}.{setting}"
        for stage in ("teacher.tagging", "student")
        for setting in ("loop.validate_every=2", "loop.save_every=4")
    ),
    *(
        f"xtremedistil.{stage}.{setting}"
        for stage in ("teacher.masked", "teacher.tagging", "student")
        for setting in ("batches.batch_size=2", "loop.log_every=2")
    ),
    "xtremedistil.teacher.masked.loop.num_steps=2",
    "xtremedistil.teacher.tagging.loop.num_steps=2",
    "xtremedistil.student.loop.num_steps=4",
]


@dataclasses.dataclass(frozen=True)
class TaggerRun:
    """What is left of the four commands.

    Attributes:
      folder: of the run.
      trained: stages that each command trained.
      written: relative path -> time of writing, after each command.
    """

    folder: Path
    trained: list[list[str]]
    written: list[dict[str, int]]


@functools.cache
def finished() -> TaggerRun:
    """The run, made once for a process."""
    folder = Path(tempfile.mkdtemp(prefix="tiny-tagger-run-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    trained: list[list[str]] = []
    written: list[dict[str, int]] = []
    with tiny_run.small(trained), one_width():
        for command in range(4):
            trained.append([])
            if command == 0:
                runs.fill_caches(CONFIG, OVERRIDES, folder)
            elif command == 1:
                with stopped_before(STAGES[1]), pytest.raises(InterruptedRunError):
                    runs.run(CONFIG, OVERRIDES, folder, evaluate=False)
            else:
                runs.run(CONFIG, OVERRIDES, folder, evaluate=False)
            written.append(tiny_run.times(folder))
    return TaggerRun(folder, trained, written)


@contextlib.contextmanager
def one_width() -> Iterator[None]:
    """All that networks answer is padded to the longest: little is compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placed, "WIDTH_STEP", 64)
        yield


@contextlib.contextmanager
def stopped_before(name: str) -> Iterator[None]:
    """A wish to stop that comes before a stage."""
    train = recipe.train

    def stopping(*args: Any) -> Any:
        if args[-1].name == name:
            raise InterruptedRunError(f"stopped before {name}")
        return train(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "train", stopping)
        yield
