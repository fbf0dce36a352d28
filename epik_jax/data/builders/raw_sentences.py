"""Tagged sentences as published, to the byte, and the lines of the file that they were.

A prepared set of sentences holds all that its file held, so that checks which are made
when it is read give the account that they give of the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import TypeAlias

Lines: TypeAlias = Iterable[tuple[int, bytes]]
"""Numbers and bytes of lines, in file order."""

FILES = {"train": "train", "validation": "dev", "test": "test"}
"""By split, what it is called where sentences are published."""


@dataclasses.dataclass(frozen=True)
class RawSentence:
    """Lines that no empty line divides.

    Attributes:
      line: number of the first one.
      words: by line, what stands before the last tab; all of a line without a tag.
      tags: by line, what stands behind it; b"" where there is nothing.
      empty: how many empty lines follow.
    """

    line: int
    words: tuple[bytes, ...]
    tags: tuple[bytes, ...]
    empty: int


def raw_sentences(lines: Lines) -> Iterator[RawSentence]:
    """Yields the sentences of a file."""
    rows: list[tuple[bytes, bytes]] = []
    first = empty = 0
    for number, line in lines:
        if not line.strip():
            empty += 1
            continue
        if empty and rows:
            yield _sentence(first, rows, empty)
            rows = []
        if not rows:
            first, empty = number, 0
        rows.append(_cells(line))
    if rows:
        yield _sentence(first, rows, empty)


def published_lines(sentences: Iterable[RawSentence]) -> Iterator[tuple[int, bytes]]:
    """Yields the lines that sentences were made of; those of blanks come out empty."""
    following = 1
    for sentence in sentences:
        # Only before the first sentence: the others know what follows them.
        for number in range(following, sentence.line):
            yield number, b""
        cells = zip(sentence.words, sentence.tags, strict=True)
        rows = [word + b"\t" + tag if tag else word for word, tag in cells]
        rows += [b""] * sentence.empty
        yield from enumerate(rows, sentence.line)
        following = sentence.line + len(rows)


def _sentence(line: int, rows: list[tuple[bytes, bytes]], empty: int) -> RawSentence:
    words, tags = zip(*rows, strict=True)
    return RawSentence(line, words, tags, empty)


def _cells(line: bytes) -> tuple[bytes, bytes]:
    # A tab with nothing behind it stays with the word: no tag is not an empty one.
    word, tab, tag = line.rpartition(b"\t")
    return (word, tag) if tab and tag else (line, b"")
