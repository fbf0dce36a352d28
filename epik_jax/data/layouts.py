"""File layouts: which column of a line is which.

Numbered lines go in, raw columns as published come out; a line of the wrong shape is
refused. Words are neither normalised nor checked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from epik_jax.data.rows import RowReport

RawPair = tuple[int, str, str, int, str]
"""(line, native, Latin, count, origin), as published."""

Lines = Iterable[tuple[int, str]]
"""(line number, text)."""


def columns(
    lines: Lines, report: RowReport, widths: Sequence[int]
) -> Iterator[tuple[int, list[str]]]:
    """Yields (line number, cells) of tab-separated lines.

    Args:
      lines: numbered lines.
      report: told of lines of another width.
      widths: numbers of cells that are taken.
    """
    for line, text in lines:
        cells = text.split("\t")
        if len(cells) in widths:
            yield line, cells
        else:
            wanted = " or ".join(map(str, widths))
            report.refuse(line, f"not {wanted} columns", text)


def header(
    lines: Iterator[tuple[int, str]], report: RowReport, wanted: Sequence[str]
) -> list[str]:
    """Takes the header off the lines.

    Args:
      lines: numbered lines; the first is used up.
      report: told of the header.
      wanted: columns that must be named.

    Returns:
      The column names as they stand.

    Raises:
      ValueError: a wanted column is not named, or the line is not UTF-8.
    """
    _, text = next(lines, (1, ""))
    if report.bad:
        # The first line was refused as it was read: this one is a row, or nothing.
        raise ValueError(f"{report.firsts[0]}, which should name the columns")
    names = text.split("\t")
    if missing := [name for name in wanted if name not in names]:
        raise ValueError(
            f"{report.path}:1: the header lacks {', '.join(missing)}; found {names}"
        )
    report.drop("header")
    return names


def dakshina_rows(lines: Lines, report: RowReport) -> Iterator[RawPair]:
    """Reads native word, romanisation, number of writers."""
    for line, (native, latin, count) in columns(lines, report, (3,)):
        if count.isascii() and count.isdigit() and len(count) < 10:
            yield line, native, latin, int(count), "dakshina"
        else:
            report.refuse(line, "count is not a number", count)


def pair_rows(lines: Lines, report: RowReport, origin: str) -> Iterator[RawPair]:
    """Reads native word and romanisation."""
    for line, (native, latin) in columns(lines, report, (2,)):
        yield line, native, latin, 1, origin


def aksharantar_tsv_rows(lines: Lines, report: RowReport) -> Iterator[RawPair]:
    """Reads native word, romanisation and, where there is one, source."""
    for line, cells in columns(lines, report, (2, 3)):
        origin = cells[2] if len(cells) == 3 else ""
        yield line, cells[0], cells[1], 1, origin or "aksharantar"


def aksharantar_json_rows(lines: Lines, report: RowReport) -> Iterator[RawPair]:
    """Reads JSON lines with the keys "native word", "english word" and "source"."""
    for line, text in lines:
        try:
            row = json.loads(text)
            native, latin = row["native word"], row["english word"]
            origin = row.get("source") or "aksharantar"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            report.refuse(line, "not an Aksharantar object", text)
            continue
        if all(isinstance(text, str) for text in (native, latin, origin)):
            yield line, native, latin, 1, origin
        else:
            report.refuse(line, "not an Aksharantar object", text)
