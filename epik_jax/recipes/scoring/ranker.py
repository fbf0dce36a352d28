"""Lines with a question and a passage: scored as they come, or ranked by question.

Lines go in; lines with probabilities come out, to be shown as columns or as JSON. A
scoring network answers.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from epik_jax.data.pair_lines import cleaned, header_columns, object_parts
from epik_jax.structs import TextPair
from epik_jax.teachers.scoring import ScoringNetwork

CHUNK = 1024
"""Lines that are scored together."""

_Texts: TypeAlias = Callable[[str], Sequence[str]]
"""A line -> its texts, two if all is well."""


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
        """Score, likeliest class and both texts on one line, tabs between."""
        a, b = (_on_one_line(text) for text in (self.text_a, self.text_b))
        return "\t".join((f"{self.score:.6f}", self.label, a, b))


def score_lines(
    network: ScoringNetwork, lines: Iterable[str], right: str, name: str = ""
) -> Iterator[ScoredPair]:
    """Scores lines in the order in which they come, a thousand at a time.

    Args:
      network: what answers.
      lines: two texts with a tab between, more columns are not read, or columns that
        a first line names; or, if the first is one, JSON objects with the names of
        `data.pair_lines`. Empty lines are left out.
      right: class of a passage that answers; "" for none.
      name: of the file that they stand in, for messages.

    Raises:
      ValueError: a line is neither, and says which; or there is no pair at all.
    """
    pairs = _pairs(enumerate(lines, 1), name)
    first = next(pairs, None)
    if first is None:
        raise ValueError(f"{name or 'the lines'}: no pair of texts in it")
    pairs = itertools.chain([first], pairs)
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


def _on_one_line(text: str) -> str:
    return " ".join(text.replace("\t", " ").splitlines())


def _scored(
    network: ScoringNetwork, pairs: Sequence[TextPair], right: str
) -> Iterator[ScoredPair]:
    labels = network.config.labels
    for pair, row in zip(pairs, network.probs(pairs).tolist(), strict=True):
        probs = dict(zip(labels, row, strict=True))
        best = max(probs, key=probs.__getitem__)
        yield ScoredPair(pair.text_a, pair.text_b, probs, best, probs[right or best])


def _pairs(lines: Iterable[tuple[int, str]], name: str) -> Iterator[TextPair]:
    """Pairs of numbered lines; the first says how all of them are written."""
    texts: _Texts | None = None
    for number, line in lines:
        if number == 1:
            line = line.lstrip("\ufeff")
        if not line.strip():
            continue
        try:
            if texts is None:
                texts, is_pair = _reading(line)
                if not is_pair:
                    continue
            yield _pair(number, texts(line))
        except ValueError as error:
            place = f"{name}:{number}" if name else f"line {number}"
            raise ValueError(f"{place}: {error}: {line[:40]!r}") from error


def _reading(first: str) -> tuple[_Texts, bool]:
    """How texts of lines are found, and whether the first holds some itself."""
    # A tab could stand between the names of an object, and hardly ever does.
    if first.lstrip().startswith("{") and "\t" not in first.strip():
        return (lambda line: object_parts(line, labelled=False)[:2]), True
    named = header_columns(first)
    places = (named.text_a, named.text_b) if named else (0, 1)

    def texts(line: str) -> Sequence[str]:
        cells = line.split("\t")
        return [cells[n] for n in places if n < len(cells)]

    return texts, named is None


def _pair(number: int, texts: Sequence[str]) -> TextPair:
    if len(texts) < 2 or not all(text.strip() for text in texts):
        raise ValueError("no two texts with a tab between")
    return TextPair(str(number), *map(cleaned, texts))
