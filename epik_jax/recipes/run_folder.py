"""The folder of a run: one process holds it, and a refused run leaves it as it was.

Others of the same run write there with its leave, once they know it is the same folder.
It knows the two files that every run begins with, and nothing of what a run makes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from epik_jax.parallel import processes

RECORD, _LOCK = "config.json", ".lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a run folder against other processes; the hold ends with this one.

    Where it ends with an error and nothing but the record of a run has been written,
    the run never began: record, lock and the folders made for them are taken back.

    Args:
      folder: made where it is missing.

    Raises:
      BlockingIOError: another process holds it.
      NotADirectoryError: it is something else than a folder.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder to run in; name another")
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    before = _names(folder) if folder.is_dir() else set()
    with _locked(folder):
        try:
            yield
        except BaseException:
            new = _names(folder) - before
            if new <= {RECORD, _LOCK}:
                for name in sorted(new, reverse=True):  # The lock last.
                    (folder / name).unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # Another's file may be there.
                    for made in missing:
                        made.rmdir()
            raise


def demand_shared(folder: Path) -> None:
    """Refuses, in all processes, a folder that is not the one which the first holds.

    Args:
      folder: as it is called here.

    Raises:
      ValueError: of some process it is another folder, on another host.
    """
    holder = processes.from_first(os.getpid())
    seen = processes.gathered([processes.is_first() or is_held_by(folder, holder)])
    if not seen.all():
        raise ValueError(
            f"{folder}: what process {seen.argmin()} calls so is not the folder that "
            "the first process writes to; take one that all hosts share, such as a "
            "mounted bucket"
        )


def is_held_by(folder: Path, holder: int, patience: float = 10.0) -> bool:
    """Whether a process holds the folder that is called so here.

    Args:
      folder: of a run.
      holder: that process, on whatever host.
      patience: seconds that a network's disk may need to show what was written.
    """
    until = time.monotonic() + patience
    while _holder(folder) != str(holder):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _holder(folder: Path) -> str:
    try:
        return (folder / _LOCK).read_text().strip()
    except FileNotFoundError:
        return ""


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    path = folder / _LOCK
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise BlockingIOError(
                    f"{folder}: process {lock.read().strip()} is running in this folder"
                ) from None
            if not _lies_at(lock, path):
                continue  # A refused run took it back while it was being opened.
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
            return


def _lies_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
