"""Lines of a text file, and the account of what became of each of them.

A path goes in; decoded lines with their numbers come out, and a `RowReport` that adds
up to the number of lines read. It knows nothing of columns or languages.
"""

from __future__ import annotations

import bisect
import dataclasses
import gzip
import os
import zlib
from collections.abc import Iterable, Iterator

_MAX_FIRSTS = 5
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclasses.dataclass
class RowReport:
    """What became of the lines of one file.

    `read` is always `kept` plus everything in `dropped` plus everything in `causes`, so
    that no line can vanish without a name.

    Attributes:
      path: the file.
      read: lines in the file.
      kept: rows handed on.
      altered: kept rows by what of them was not, such as "type of no use".
      dropped: harmless lines by kind, such as "duplicate" and "header".
      causes: bad lines by cause, such as "wrong script".
      told: (line, cause and text) of the first few bad lines, in order of lines.
    """

    path: str
    read: int = 0
    kept: int = 0
    altered: dict[str, int] = dataclasses.field(default_factory=dict)
    dropped: dict[str, int] = dataclasses.field(default_factory=dict)
    causes: dict[str, int] = dataclasses.field(default_factory=dict)
    told: list[tuple[int, str]] = dataclasses.field(default_factory=list)

    @property
    def bad(self) -> int:
        """Lines that were refused."""
        return sum(self.causes.values())

    @property
    def firsts(self) -> list[str]:
        """The first few bad lines, each as file, line, cause and text."""
        return [f"{self.path}:{line}: {what}" for line, what in self.told]

    def keep(self, count: int) -> None:
        """Counts rows that are handed on."""
        self.kept += count

    def alter(self, kind: str, count: int = 1) -> None:
        """Counts rows that are handed on, but not as they stand there."""
        if count:
            self.altered[kind] = self.altered.get(kind, 0) + count

    def drop(self, kind: str, count: int = 1) -> None:
        """Counts lines that are left out without being wrong."""
        if count:
            self.dropped[kind] = self.dropped.get(kind, 0) + count

    def refuse(self, line: int, cause: str, text: str = "") -> None:
        """Counts a bad line; the first few are kept word for word."""
        self.causes[cause] = self.causes.get(cause, 0) + 1
        shown = text if len(text) <= 40 else text[:40] + "..."
        ending = f": {shown!r}" if shown else ""
        # Some readers look at all lines before they look into one.
        bisect.insort(self.told, (line, f"{cause}{ending}"))
        del self.told[_MAX_FIRSTS:]

    def check(self, max_bad_share: float) -> None:
        """Stops where too much of the file is bad.

        Args:
          max_bad_share: largest share of bad lines to go on with, 0 to 1.

        Raises:
          ValueError: more than that is bad; the message shows the first bad lines.
        """
        if self.bad > max_bad_share * self.read:
            raise ValueError(
                f"{self.path}: {self.bad} of {self.read} lines are bad, more than the "
                f"{max_bad_share:.1%} allowed ({_listed(self.causes)}). First ones:\n  "
                + "\n  ".join(self.firsts)
                + "\nMend the file, or pass a larger max_bad_share to go on without "
                "these lines."
            )

    def __str__(self) -> str:
        left_out = _listed(self.dropped | self.causes) or "nothing left out"
        altered = f" ({_listed(self.altered)})" if self.altered else ""
        return f"{self.path}: {self.read} lines, {self.kept} kept{altered}, {left_out}"


def read_lines(
    path: str | os.PathLike[str], report: RowReport
) -> Iterator[tuple[int, str]]:
    """Yields the lines of a UTF-8 file with their numbers, counting from 1.

    Only a line feed ends a line: U+2028 and its kin are text here, or line numbers
    would differ from every editor's. A carriage return before the line feed and a
    byte-order mark at the start are dropped.

    Args:
      path: a text file; a name ending in .gz is unpacked.
      report: told of every line read, and of those that are not UTF-8.

    Yields:
      (line number, text without its ending).

    Raises:
      ValueError: the file says .gz and is not, or is cut short.
    """
    yield from split_lines(_file_bytes(path), report)


def split_lines(content: bytes, report: RowReport) -> Iterator[tuple[int, str]]:
    """As `read_lines`, for content that is already in memory."""
    return decoded_lines(raw_lines(content), report)


def raw_lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the numbers and bytes of the lines that `split_lines` decodes."""
    lines = content.removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        yield number, line.removesuffix(b"\r")


def decoded_lines(
    lines: Iterable[tuple[int, bytes]], report: RowReport
) -> Iterator[tuple[int, str]]:
    """Yields the lines that are UTF-8; `report` is told of all and of the others."""
    for number, line in lines:
        report.read += 1
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            report.refuse(number, "bad UTF-8", f"byte {error.start} of the line")
            continue
        yield number, text


def _file_bytes(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        content = file.read()
    if not str(path).endswith(".gz"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path}: not a whole gzip file ({error}); fetch it again or, if it is "
            "plain text, drop .gz from its name"
        ) from error


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
