"""Training checkpoints through orbax, sealed and checked.

Orbax commits a step atomically but restores flipped bits without a word; so each step
carries the sha256 of its files, and one that does not match is put aside by name.
No other file of the project knows orbax.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import (
    AnyPreservationPolicy,
    BestN,
    LatestN,
)

from epik_jax.files import write_whole
from epik_jax.parallel import processes
from epik_jax.training.state import TrainState

SEAL = "SEAL.json"


class Checkpoints:
    """The checkpoints of one stage, in one folder; a context manager."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        """Opens the folder, making it where it is missing.

        Every step that is there is read and compared with its seal; one that does not
        match is put aside and named in a warning.

        Args:
          folder: of this stage alone.
          keep: newest steps to keep beside the best one.
        """
        self._folder = folder.resolve()
        # Before orbax opens the folder: it fails at a step whose metrics are broken.
        checked = f"checkpoints of {folder.parent.name} are checked"
        processes.by_first(checked, _put_damaged_aside, self._folder)
        policy = AnyPreservationPolicy(
            [LatestN(keep), BestN(get_metric_fn=_metric, reverse=True, n=1)]
        )
        options = ocp.CheckpointManagerOptions(
            preservation_policy=policy,
            best_fn=_metric,
            best_mode="min",
            cleanup_tmp_directories=True,
            enable_async_checkpointing=False,
        )
        self._manager = ocp.CheckpointManager(
            self._folder, item_names=("state", "meta"), options=options
        )

    def __enter__(self) -> Checkpoints:
        """Nothing more to open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Releases the folder."""
        self._manager.close()

    def save(self, state: TrainState, meta: dict[str, Any], cost: float | None) -> None:
        """Writes and seals a step; a step that is already there is left alone.

        Args:
          state: its `step` names the checkpoint.
          meta: JSON values that a resumed run compares with its own.
          cost: lower is better; None where the step was not validated.

        Raises:
          OSError: the disk is full or not writable; older steps stay valid.
        """
        step = int(state.step)
        if step in self._manager.all_steps():
            return
        with _full_disk_told(self._folder):
            self._manager.save(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave(meta)
                ),
                metrics={} if cost is None else {"cost": cost},
                force=True,
            )
            self._manager.wait_until_finished()
        processes.by_first("checkpoint is sealed", _seal, self._folder / str(step))

    def newest(self) -> int | None:
        """The newest step, or None."""
        return max(self._manager.all_steps(), default=None)

    def best(self) -> int | None:
        """The step of lowest cost, or None where none was validated.

        Of equal ones the newest, which is the one that is kept.
        """
        costs = {}
        for step in self._manager.all_steps():
            cost = _metric(self._manager.metrics(step) or {})
            if cost < float("inf"):
                costs[step] = cost
        return min(costs, key=lambda s: (costs[s], -s)) if costs else None

    def meta(self, step: int) -> dict[str, Any]:
        """What was saved beside a state, without reading the state."""
        args = ocp.args.Composite(meta=ocp.args.JsonRestore())
        return self._manager.restore(step, args=args).meta

    def restore(self, step: int, like: TrainState) -> TrainState:
        """Reads a step back onto the devices of `like`.

        Args:
          step: from `newest` or `best`.
          like: a state, or shapes with shardings, of the same tree.
        """
        args = ocp.args.Composite(state=ocp.args.StandardRestore(like))
        return self._manager.restore(step, args=args).state


def _metric(metrics: dict[str, float]) -> float:
    return metrics.get("cost", float("inf"))


def _files(folder: Path) -> dict[str, Path]:
    found = (p for p in folder.rglob("*") if p.is_file() and p.name != SEAL)
    return {str(p.relative_to(folder)): p for p in sorted(found)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(folder: Path) -> None:
    digests = {name: _sha256(path) for name, path in _files(folder).items()}
    write_whole(folder / SEAL, json.dumps(digests))


@contextlib.contextmanager
def _full_disk_told(folder: Path) -> Iterator[None]:
    """A full disk as an `OSError` and nothing else.

    Orbax raises a ValueError of many lines, and each of its threads logs one with its
    traceback before. These are held back until it is known what they are about.
    """
    held_back: list[logging.LogRecord] = []

    def keep(record: logging.LogRecord) -> bool:
        held_back.append(record)
        return False

    logger, hook = logging.getLogger("absl"), sys.unraisablehook
    logger.addFilter(keep)
    sys.unraisablehook = functools.partial(_unless_stray, hook)
    try:
        yield
        # Not in the end: what follows a failed save may come when that is over.
        sys.unraisablehook = hook
    except ValueError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        held_back.clear()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
    finally:
        logger.removeFilter(keep)
        for record in held_back:
            logger.handle(record)


def _unless_stray(hook: Callable[[Any], object], unraisable: Any) -> None:
    """Shows an error that nobody could catch, but for those that follow a failed save.

    Writes that were under way then end in threads of the storage, some time after it,
    and find nobody who waits for them.
    """
    if str(unraisable.exc_value) != "Event loop is closed":
        hook(unraisable)


def _put_damaged_aside(folder: Path) -> None:
    for step in sorted(p for p in folder.glob("*") if p.name.isdigit() and p.is_dir()):
        why = _damage(step)
        if why is not None:
            aside = step.with_name(f"{step.name}.damaged")
            logging.warning(
                "%s: step %s passed over: %s; put aside as %s",
                *(folder, step.name, why, aside.name),
            )
            if aside.exists():
                shutil.rmtree(aside)
            step.rename(aside)


def _damage(folder: Path) -> str | None:
    try:
        sealed = json.loads((folder / SEAL).read_text())
    except (FileNotFoundError, ValueError):  # ValueError: not JSON, or not UTF-8
        return "it has no whole seal, the save was cut off"
    if not isinstance(sealed, dict):
        return "its seal is not one"
    files = _files(folder)
    for name, digest in sealed.items():
        if name not in files:
            return f"{name} is missing"
        if _sha256(files[name]) != digest:
            return f"{name} has changed"
    return None
