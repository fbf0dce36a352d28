"""Files of text pairs in, pairs out: two texts and, where there is one, a label.

Columns are found by their names, as GLUE, SICK and WikiQA write them, or stand as text,
text, label; of JSON lines they are found by the names of the values. A bad line is
refused with its place.
"""

from __future__ import annotations

import dataclasses
import json
import os
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from epik_jax.data.digests import SentenceNames
from epik_jax.data.rows import RowReport, read_lines
from epik_jax.structs import TextPair

NAMES_A = (
    *("text_a", "question", "question1", "sentence1", "premise"),
    *("Question", "sentence_A", "#1 String"),
)
NAMES_B = (
    *("text_b", "passage", "question2", "sentence2", "hypothesis", "sentence"),
    *("Sentence", "sentence_B", "#2 String"),
)
NAMES_LABEL = (
    # Before those of single annotators.
    *("gold_label", "label", "answer", "is_duplicate"),
    *("Label", "entailment_judgment", "Quality"),
)
"""What published sets call their columns; the first that is there counts."""

NO_GOLD = "-"
"""Label of a pair about which its annotators did not agree (SNLI, MNLI)."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """Where the parts of a pair stand: places in a line, or names in an object.

    Attributes:
      text_a: of the first text.
      text_b: of the second.
      label: of the label; None where there is none.
    """

    text_a: Any
    text_b: Any
    label: Any | None

    @classmethod
    def among(cls, names: Sequence[str]) -> Columns | None:
        """Those of known names; None where either text has none."""
        found = [
            next((name for name in known if name in names), None)
            for known in (NAMES_A, NAMES_B, NAMES_LABEL)
        ]
        return None if None in found[:2] else cls(*found)


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
        columns = Columns(0, 1, 2 if labels else None)
        for number, line in lines:
            cells = line.split("\t")
            if number == 1 and (named := Columns.among(cells)):
                columns = _places(named, cells)
                _demand_label(columns, path, labels)
                report.drop("header")
                continue
            found.add_cells(number, line, cells, columns)
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

    def add_cells(
        self, number: int, line: str, cells: Sequence[str], columns: Columns
    ) -> None:
        """A line of a table."""
        if not line.strip():
            self._report.drop("empty")
            return
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
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            self._report.refuse(number, "no JSON object", line)
            return
        columns = Columns.among(list(record))
        if columns is None:
            self._report.refuse(number, "no two texts of known names", line)
            return
        label = _plain(record, columns.label) if self._labels else ""
        texts = _plain(record, columns.text_a), _plain(record, columns.text_b)
        self.add(number, *texts, label)

    def add(self, number: int, text_a: str, text_b: str, label: str) -> None:
        a, b = (unicodedata.normalize("NFC", t).strip() for t in (text_a, text_b))
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


def _places(named: Columns, cells: Sequence[str]) -> Columns:
    label = None if named.label is None else cells.index(named.label)
    return Columns(cells.index(named.text_a), cells.index(named.text_b), label)


def _demand_label(
    columns: Columns, path: str | os.PathLike[str], labels: Sequence[str]
) -> None:
    if labels and columns.label is None:
        raise ValueError(
            f"{path}:1: no column of labels; known are {', '.join(NAMES_LABEL)}"
        )


def _plain(record: Mapping[str, Any], name: Any | None) -> str:
    """A value as text, true and false as JSON writes them; "" where there is none."""
    value = None if name is None else record[name]
    if isinstance(value, str) or value is None:
        return value or ""
    return json.dumps(value)
