"""Files of text pairs in, pairs out: two texts and, where there is one, a label.

Columns are found by their names, as GLUE, SICK and WikiQA write them, or stand as text,
text, label; of JSON lines they are found by the names of the values. A bad line is
refused with its place.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from epik_jax.data.digests import SentenceNames
from epik_jax.data.pair_lines import (
    NAMES_LABEL,
    Columns,
    cleaned,
    header_columns,
    object_parts,
)
from epik_jax.data.rows import RowReport, read_lines
from epik_jax.structs import TextPair

NO_GOLD = "-"
"""Label of a pair about which its annotators did not agree (SNLI, MNLI)."""


def read_text_pairs(
    path: str | os.PathLike[str],
    labels: Sequence[str],
    *,
    max_bad_share: float = 0.01,
) -> tuple[list[TextPair], RowReport]:
    """Reads a pair a line.

    A first line of names says where the columns stand; without one they are text, text
    and label with tabs between. A path that ends in .jsonl or .jsonl.gz is of objects.

    Args:
      path: a UTF-8 file, plain or .gz.
      labels: that are known; another one is a fault of its line. Empty where labels are
        not wanted: pairs then have none.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      The pairs in file order, in NFC, and what became of every line.

    Raises:
      ValueError: too many bad lines, labels are wanted and have no column, or no pair
        is left.
    """
    report = RowReport(str(path))
    found = FoundPairs(str(path), tuple(labels), report)
    lines = read_lines(path, report)
    if str(path).removesuffix(".gz").endswith(".jsonl"):
        for number, line in lines:
            found.add_object(number, line)
    else:
        columns = None
        for number, line in lines:
            if columns is None and line.strip():
                named = _named(path, number, line, labels)
                columns = named or Columns(0, 1, 2 if labels else None)
                if named:
                    report.drop("header")
                    continue
            found.add_cells(number, line, columns)
    report.check(max_bad_share)
    if not found.pairs:
        raise ValueError(f"{path}: no pair of texts in it")
    return found.pairs, report


class FoundPairs:
    """Pairs as they are found, each named by its content."""

    def __init__(self, path: str, labels: tuple[str, ...], report: RowReport) -> None:
        self.pairs: list[TextPair] = []
        self._path, self._labels, self._report = path, labels, report
        self._names = SentenceNames("pair")

    def add_cells(self, number: int, line: str, columns: Columns | None) -> None:
        """A line of a table; without columns there is nothing in it."""
        if columns is None or not line.strip():
            self._report.drop("empty")
            return
        cells = line.split("\t")
        wanted = (columns.text_a, columns.text_b, columns.label)
        last = max(place for place in wanted if place is not None)
        if len(cells) <= last:
            self._report.refuse(
                number, f"{len(cells)} columns, {last + 1} or more are needed", line
            )
            return
        label = "" if columns.label is None else cells[columns.label].strip()
        self.add(number, cells[columns.text_a], cells[columns.text_b], label)

    def add_object(self, number: int, line: str) -> None:
        """A line of JSON."""
        if not line.strip():
            self._report.drop("empty")
            return
        try:
            self.add(number, *object_parts(line, labelled=bool(self._labels)))
        except ValueError as error:
            self._report.refuse(number, str(error), line)

    def add(self, number: int, text_a: str, text_b: str, label: str) -> None:
        """A pair; raises ValueError where a text is none that can be written."""
        a, b = cleaned(text_a), cleaned(text_b)
        if not self._labels:
            label = ""
        elif label == NO_GOLD:
            self._report.drop("no label agreed on")
            return
        elif label not in self._labels:
            self._report.refuse(number, f"label is none of {self._labels}", label)
            return
        if not a or not b:
            self._report.refuse(number, "a text is empty", f"{a}\t{b}")
            return
        name = self._names.next("\x1f".join((a, b)))
        self.pairs.append(TextPair(name, a, b, label, os.path.basename(self._path)))
        self._report.keep(1)


def _named(
    path: str | os.PathLike[str], number: int, line: str, labels: Sequence[str]
) -> Columns | None:
    """Places that a first line names; None where it is a pair already."""
    try:
        columns = header_columns(line)
    except ValueError as error:
        raise ValueError(f"{path}:{number}: {error}") from error
    if columns and labels and columns.label is None:
        raise ValueError(
            f"{path}:{number}: no column of labels; known are {', '.join(NAMES_LABEL)}"
        )
    return columns
