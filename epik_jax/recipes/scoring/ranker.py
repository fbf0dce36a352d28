"""Lines with a question and a passage: scored as they come, or ranked by question.

Lines go in; lines with probabilities come out, to be shown as columns or as JSON. A
scoring network answers.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from epik_jax.data.text_pairs import Columns
from epik_jax.structs import TextPair
from epik_jax.teachers.scoring import ScoringNetwork

CHUNK = 1024
"""Lines that are scored together."""


@dataclasses.dataclass(frozen=True, slots=True)
class ScoredPair:
    """A pair and what a model makes of it.

    Attributes:
      text_a: such as a question.
      text_b: such as a passage.
      probs: probability of each class.
      label: the likeliest class.
      score: probability of the class that answers; of the likeliest where none does.
    """

    text_a: str
    text_b: str
    probs: dict[str, float]
    label: str
    score: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)

    def to_columns(self) -> str:
        """Score, likeliest class and both texts, tabs between."""
        return "\t".join((f"{self.score:.6f}", self.label, self.text_a, self.text_b))


def score_lines(
    network: ScoringNetwork, lines: Iterable[str], right: str
) -> Iterator[ScoredPair]:
    """Scores lines in the order in which they come, a thousand at a time.

    Args:
      network: what answers.
      lines: two texts with a tab between, more columns are not read, or columns that
        a first line names; or JSON objects with the names of `data.text_pairs`. Empty
        lines are left out.
      right: class of a passage that answers; "" for none.

    Raises:
      ValueError: a line is neither; says which.
    """
    pairs = _pairs((n, line) for n, line in enumerate(lines, 1) if line.strip())
    while chunk := list(itertools.islice(pairs, CHUNK)):
        yield from _scored(network, chunk, right)


def ranked(found: Iterable[ScoredPair]) -> Iterator[ScoredPair]:
    """The same, the passages of each question together, the likeliest first.

    Questions keep the order in which they first came, and so do equal scores.
    """
    by_question: dict[str, list[ScoredPair]] = {}
    for one in found:
        by_question.setdefault(one.text_a, []).append(one)
    for some in by_question.values():
        yield from sorted(some, key=lambda one: -one.score)


def _scored(
    network: ScoringNetwork, pairs: Sequence[TextPair], right: str
) -> Iterator[ScoredPair]:
    labels = network.config.labels
    for pair, row in zip(pairs, network.probs(pairs).tolist(), strict=True):
        probs = dict(zip(labels, row, strict=True))
        best = max(probs, key=probs.__getitem__)
        yield ScoredPair(pair.text_a, pair.text_b, probs, best, probs[right or best])


def _pairs(lines: Iterable[tuple[int, str]]) -> Iterator[TextPair]:
    """Pairs of numbered lines; a first line of names says where texts stand."""
    places = (0, 1)
    for place, (number, line) in enumerate(lines):
        if line.lstrip()[:1] == "{":
            yield _pair(number, line, _object(number, line))
            continue
        cells = line.split("\t")
        if place == 0 and (named := Columns.among(cells)):
            places = (cells.index(named.text_a), cells.index(named.text_b))
            continue
        yield _pair(number, line, [cells[n] for n in places if n < len(cells)])


def _pair(number: int, line: str, texts: Sequence[str]) -> TextPair:
    if len(texts) < 2 or not all(text.strip() for text in texts):
        raise ValueError(
            f"line {number}: {line[:40]!r} has no two texts with a tab between"
        )
    a, b = (unicodedata.normalize("NFC", text).strip() for text in texts)
    return TextPair(str(number), a, b)


def _object(number: int, line: str) -> list[str]:
    try:
        record = json.loads(line)
    except ValueError:
        record = {}
    columns = Columns.among(list(record))
    if columns is None:
        raise ValueError(
            f"line {number}: {line[:40]!r} is no JSON object with two texts of known "
            "names, such as question and passage"
        )
    return [str(record[columns.text_a]), str(record[columns.text_b])]
