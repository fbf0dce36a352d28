"""Lines of text as they come in: from a file or a stream, UTF-8, one by one.

What is done with them is the business of who asked for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO


def read_text(stream: BinaryIO, name: str) -> Iterator[str]:
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
            line = line.removeprefix("\ufeff")
        yield line.removesuffix("\n").removesuffix("\r")
    if not number:
        raise ValueError(f"{name}: is empty, there is nothing in it to read")
