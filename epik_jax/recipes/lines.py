"""Lines of text as they come in: from a file or a stream, UTF-8, one by one.

What is done with them is the business of who asked for them.
"""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[Iterator[str]]:
    """The lines of a file, as `read_text`; one whose name ends in .gz is unpacked.

    Raises:
      OSError: it cannot be read.
      ValueError: it is not what its name says, a line is not UTF-8, or there is none.
    """
    packed = path.suffix == ".gz"
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        try:
            yield read_text(stream, str(path))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: not a whole gzip file ({error})") from error


def read_text(stream: Iterable[bytes], name: str) -> Iterator[str]:
    """Yields the lines of UTF-8 text without their endings.

    Only a line feed ends a line. A byte-order mark at the start is dropped.

    Args:
      stream: bytes.
      name: of the stream, for messages.

    Raises:
      ValueError: a line is not UTF-8, or there is no line; says where.
    """
    number = 0
    for number, content in enumerate(stream, 1):
        try:
            line = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name}:{number}: byte {error.start + 1} of the line is not UTF-8; "
                "convert the text first (iconv -t UTF-8)"
            ) from error
        if number == 1:
            line = line.lstrip("\ufeff")
        yield line.removesuffix("\n").removesuffix("\r")
    if not number:
        raise ValueError(f"{name}: is empty, there is nothing in it to read")
