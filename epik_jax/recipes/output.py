"""Files that a user names to be written: tried before hours of work, not after."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from epik_jax.interop.model_folder import model_folder_around


def demand_writable(path: Path, read: Path | None = None) -> None:
    """Sees that a file can be written, in a folder that need not be there yet.

    Args:
      path: to be written.
      read: what is read, which must not be lost.

    Raises:
      OSError: it cannot be written there.
      ValueError: `path` is a folder, a device, what is read, or part of a model folder.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file to write")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no plain file; name one to write")
    if read and path.exists() and read.exists() and path.samefile(read):
        raise ValueError(f"{path} is what is to be read; name another file to write")
    if path.exists() and any(_is_stream(path, number) for number in (1, 2)):
        raise ValueError(
            f"{path} is where this command's own output goes; name another file"
        )
    if model_folder_around(path):
        raise ValueError(
            f"{path} lies in a model folder, which is to stay as it was exported; "
            "name a file elsewhere"
        )
    there = next(one for one in path.resolve().parents if one.exists())
    if not there.is_dir():
        raise ValueError(f"{there} is no folder; name a file in one")
    try:
        # Of a name of its own: any other might be somebody's file.
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _is_stream(path: Path, number: int) -> bool:
    """Whether a file is what a standard stream of the process was led into."""
    try:
        return os.path.samestat(path.stat(), os.fstat(number))
    except OSError:
        return False
