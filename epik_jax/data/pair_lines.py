"""One line of text pairs: names of columns, or an object of JSON.

A line goes in, where its parts stand or the parts themselves come out. It knows nothing
of files; what is wrong with a line is told without its place.
"""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Sequence
from typing import Any, NoReturn

NAMES_A = (
    *("text_a", "question", "question1", "sentence1", "premise"),
    *("sentence_a", "#1 string"),
)
NAMES_B = (
    *("text_b", "passage", "question2", "sentence2", "hypothesis", "sentence"),
    *("sentence_b", "#2 string"),
)
NAMES_LABEL = (
    # Before those of single annotators.
    *("gold_label", "label", "answer", "is_duplicate"),
    *("entailment_judgment", "quality"),
)
"""What published sets call their columns, in whatever case; the first that is there
counts."""

_NO_WORDS = {
    name
    for name in (*NAMES_A, *NAMES_B)
    if not name.isalpha()  # Such as "text_a": a text that reads so is a name.
}


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
        """Those of known names; None where either text has none.

        Raises:
          ValueError: one of them stands there twice.
        """
        plain = [name.strip().casefold() for name in names]
        found = [
            next((name for name in known if name in plain), None)
            for known in (NAMES_A, NAMES_B, NAMES_LABEL)
        ]
        if None in found[:2]:
            return None
        for name in found:
            if name and plain.count(name) > 1:
                raise ValueError(f"{name!r} stands there twice")
        return cls(*(name and names[plain.index(name)] for name in found))


def header_columns(line: str) -> Columns | None:
    """Places that a first line names; None where it is a pair already.

    Raises:
      ValueError: it names columns and not those of two texts, one of them twice, or it
        is a whole file whose lines end otherwise.
    """
    if "\r" in line.rstrip("\r"):
        raise ValueError(
            "a carriage return within the line; if they end lines, convert them "
            r"(tr '\r' '\n')"
        )
    cells = line.split("\t")
    named = Columns.among(cells)
    if named is None:
        if any(cell.strip().casefold() in _NO_WORDS for cell in cells):
            raise ValueError(
                f"names of columns, and not of two texts; known are {NAMES_A} and "
                f"{NAMES_B}"
            )
        return None
    label = None if named.label is None else cells.index(named.label)
    return Columns(cells.index(named.text_a), cells.index(named.text_b), label)


def object_parts(line: str, *, labelled: bool) -> tuple[str, str, str]:
    """Both texts and the label of an object, "" where it has none.

    Args:
      line: of JSON.
      labelled: whether the label is read; it may be anything where it is not.

    Raises:
      ValueError: it is no object, has no two texts of known names, or what they name is
        no text.
    """
    try:
        record = json.loads(line, object_pairs_hook=_once, parse_constant=_refuse)
    except (json.JSONDecodeError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise ValueError("no JSON object")
    names = [x for x in record if labelled or x.strip().casefold() not in NAMES_LABEL]
    columns = Columns.among(names)
    if columns is None:
        raise ValueError("no two texts of known names, such as question and passage")
    for name in (columns.text_a, columns.text_b):
        if not isinstance(record[name], str):
            raise ValueError(f"{name} is no text")
    label = None if columns.label is None else record[columns.label]
    if not isinstance(label, str | int | float | None):
        raise ValueError(f"{columns.label} is no label")
    # True and false as JSON writes them.
    told = label if isinstance(label, str) else json.dumps(label)
    return record[columns.text_a], record[columns.text_b], "" if label is None else told


def cleaned(text: str) -> str:
    """A text in NFC, without spaces around it.

    Raises:
      ValueError: it holds half a character.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("a text holds half a character (a lone surrogate)")
    return unicodedata.normalize("NFC", text).strip()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a name stands there twice")
    return record


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
