"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes bytes, or text as UTF-8, replacing what is there in one motion.

    A crash, a full disk or an interruption leaves the old file or the new one.

    Args:
      path: in a folder that is there.
      content: all of the file.

    Raises:
      OSError: it cannot be written; what was there is untouched.
    """
    path = path.resolve()  # A link goes on pointing at what is written.
    # A name that nobody else gives to what is beside the file.
    unfinished = path.with_name(f".{path.name}.epik-unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
