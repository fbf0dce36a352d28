"""Running text: its entities are found, and all of it stays as it is.

Lines go in; lines with words, tags and entities come out, to be shown as text, in the
columns of CoNLL or as JSON. A labelling network answers.
"""

from __future__ import annotations

import dataclasses
import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from epik_jax.data.conll import OUTSIDE
from epik_jax.evaluation.entities import strict_iob2
from epik_jax.structs import Sentence
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.text.wordpiece import split_words

CHUNK = 1024
"""Lines that are tagged together."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entity:
    """Words that are one name.

    Attributes:
      type: such as "PER".
      text: as it stands in the line.
      start: where it begins in the line, in code points.
      end: where it ends.
    """

    type: str
    text: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True, slots=True)
class TaggedLine:
    """A line and what is in it.

    Attributes:
      text: the line in NFC; offsets count in it.
      words: of the line.
      tags: one for each word, in strict IOB2.
      entities: in order.
    """

    text: str
    words: tuple[str, ...]
    tags: tuple[str, ...]
    entities: tuple[Entity, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain nested values."""
        return dataclasses.asdict(self)

    def to_conll(self) -> str:
        """A word and its tag on a line, and an empty line behind them."""
        rows = zip(self.words, self.tags, strict=True)
        return "".join(f"{word}\t{tag}\n" for word, tag in rows)

    def to_text(self) -> str:
        """The line, each entity in brackets and behind its type."""
        parts, place = [], 0
        for entity in self.entities:
            parts += [self.text[place : entity.start], f"[{entity.type} {entity.text}]"]
            place = entity.end
        return "".join([*parts, self.text[place:]])


def tag_lines(network: LabellingNetwork, lines: Iterable[str]) -> Iterator[TaggedLine]:
    """Tags lines, a thousand at a time."""
    lines = iter(lines)
    while chunk := list(itertools.islice(lines, CHUNK)):
        yield from _tag_together(network, chunk)


def label_lines(
    network: LabellingNetwork, lines: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Labels lines as wholes, a thousand at a time: each line in NFC and its label.

    A line without a word gets "".
    """
    lines = iter(lines)
    while chunk := list(itertools.islice(lines, CHUNK)):
        texts = [unicodedata.normalize("NFC", line) for line in chunk]
        words = [tuple(word for word, _, _ in split_words(text)) for text in texts]
        asked = [Sentence(str(i), row, "") for i, row in enumerate(words) if row]
        answers = iter(network.classes(asked))
        for text, row in zip(texts, words, strict=True):
            yield text, next(answers) if row else ""


def _tag_together(
    network: LabellingNetwork, lines: Sequence[str]
) -> Iterator[TaggedLine]:
    texts = [unicodedata.normalize("NFC", line) for line in lines]
    places = [split_words(text) for text in texts]
    asked = [
        Sentence(str(i), tuple(word for word, _, _ in row), "")
        for i, row in enumerate(places)
        if row
    ]
    answers = iter(network.tags(asked))
    for text, row in zip(texts, places, strict=True):
        tags = strict_iob2(next(answers)) if row else ()
        words = tuple(word for word, _, _ in row)
        spans = [(start, end) for _, start, end in row]
        yield TaggedLine(text, words, tags, _entities(text, spans, tags))


def _entities(
    text: str, spans: Sequence[tuple[int, int]], tags: Sequence[str]
) -> tuple[Entity, ...]:
    found: list[Entity] = []
    for (start, end), tag in zip(spans, tags, strict=True):
        if tag.startswith("I-"):
            start = found.pop().start
        if tag != OUTSIDE:
            found.append(Entity(tag[2:], text[start:end], start, end))
    return tuple(found)
