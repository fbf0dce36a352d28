"""Running text: its words are written in another script, all else stays as it is.

Lines go in, lines with their words replaced come out. Spaces, digits, punctuation and
words that no answer can be given to are kept. What answers is a predictor, of which
nothing is known here.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from epik_jax.data.pairs import example_id
from epik_jax.recipes.transliteration.predictors import Predictor
from epik_jax.structs import Example, Hypothesis
from epik_jax.text.normalise import complaint, normalise
from epik_jax.text.scripts import LANGUAGES, SCRIPTS, script_of

CHUNK = 4096
"""Lines whose words are asked about together."""

# Invisible joiners and separate accents belong to the word that they stand in.
_INSIDE = "\u00ad\u0300-\u036f\u200b-\u200d\u2060\ufeff"
# In a word of Latin letters; a quotation mark where no letter follows.
_APOSTROPHES = "'`´ʹʻʼ‘’"
# Romanised Indic text has dotted letters, which lie outside the script's own block.
_LATIN_EXTENDED = (0x1E00, 0x1EFF)


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """A run of letters of one script.

    Attributes:
      start: where it begins in its line.
      end: where it ends.
      lang: language of its script.
    """

    start: int
    end: int
    lang: str


@dataclasses.dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word of a line and what it became.

    Attributes:
      source: the word as it stands in the line.
      source_lang: language of its script.
      candidates: answers, best first; empty where the word stayed as it is.
    """

    source: str
    source_lang: str
    candidates: tuple[Hypothesis, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line and what became of it."""

    text: str
    output: str
    words: tuple[WrittenWord, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain nested values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Writer:
    """What words are asked for, and of whom.

    Attributes:
      target_lang: language to write; words in its script stay as they are.
      predictor: examples -> answers, best first.
      max_length: longest word that the predictor takes, in code points.
      source_lang: the only language whose words are written, or None for all.
    """

    target_lang: str
    predictor: Predictor
    max_length: int
    source_lang: str | None = None

    def __post_init__(self) -> None:
        """Refuses languages that have no script here, and one to itself."""
        if self.target_lang == self.source_lang:
            raise ValueError(
                f"from and to are both {self.target_lang!r}: name another language"
            )
        for lang in (self.target_lang, self.source_lang):
            if lang is not None:
                check_language(lang)

    def write(self, lines: Iterable[str]) -> Iterator[WrittenLine]:
        """Writes lines, thousands at a time, each distinct word of them once."""
        lines = iter(lines)
        while chunk := list(itertools.islice(lines, CHUNK)):
            yield from self._write_together(chunk)

    def _write_together(self, lines: list[str]) -> Iterator[WrittenLine]:
        found = [find_words(line) for line in lines]
        asked: dict[str, Example] = {}
        for line, words in zip(lines, found, strict=True):
            for word in words:
                raw = line[word.start : word.end]
                if raw not in asked and (example := self._question(raw, word.lang)):
                    asked[raw] = example
        examples = {e.example_id: e for e in asked.values()}
        answers = dict(
            zip(examples, self.predictor(list(examples.values())), strict=True)
            if examples
            else ()
        )
        known = {raw: answers[e.example_id] for raw, e in asked.items()}
        for line, words in zip(lines, found, strict=True):
            yield _put_back(line, words, known)

    def _question(self, raw: str, lang: str) -> Example | None:
        """The example that a word asks for; None where it is to stay."""
        if lang == self.target_lang or self.source_lang not in (None, lang):
            return None
        source = normalise(raw, lang)
        if cause := complaint(source, lang, self.max_length):
            _warn_once(raw, cause, self.max_length)
            return None
        name = example_id(source, lang, self.target_lang)
        return Example(name, source, lang, self.target_lang)


def check_language(lang: str) -> None:
    """Refuses a language that has no script here.

    Raises:
      ValueError: names the ones that are known.
    """
    if lang not in SCRIPTS:
        raise ValueError(
            f"unknown language {lang!r}; use one of {', '.join(LANGUAGES)}"
        )


def find_words(line: str) -> list[Word]:
    """The words of a line, in order.

    A word is a run of letters and marks of one script, so that hyphens, digits and a
    change of script end it; apostrophes inside Latin words do not. Letters of other
    scripts are no words.
    """
    return [
        Word(match.start(), match.end(), str(match.lastgroup))
        for match in _word_pattern().finditer(line)
    ]


def _put_back(
    line: str, words: list[Word], known: dict[str, tuple[Hypothesis, ...]]
) -> WrittenLine:
    pieces, written, place = [], [], 0
    for word in words:
        raw = line[word.start : word.end]
        candidates = known.get(raw, ())
        pieces += [line[place : word.start], candidates[0].text if candidates else raw]
        written.append(WrittenWord(raw, word.lang, candidates))
        place = word.end
    return WrittenLine(line, "".join([*pieces, line[place:]]), tuple(written))


@functools.cache
def _word_pattern() -> re.Pattern[str]:
    """One alternative per language, named by it."""
    alternatives = []
    for lang, script in SCRIPTS.items():
        block = [chr(c) for c in range(script.first, script.last + 1)]
        letters = "".join(c for c in block if script_of(c) == lang)
        if lang == "en":
            extended = map(chr, range(_LATIN_EXTENDED[0], _LATIN_EXTENDED[1] + 1))
            letters += "".join(c for c in extended if unicodedata.category(c)[0] == "L")
            more = f"[{letters}{_INSIDE}]|[{_APOSTROPHES}](?=[{letters}])"
        else:
            more = f"[{letters}{_INSIDE}]"
        alternatives.append(f"(?P<{lang}>[{letters}](?:{more})*)")
    return re.compile("|".join(alternatives))


@functools.lru_cache(maxsize=1 << 16)
def _warn_once(raw: str, cause: str, max_length: int) -> None:
    shown = raw if len(raw) <= 40 else raw[:40] + "..."
    why = {
        "over-long": f"{len(raw)} characters long, {max_length} at most are taken",
        "wrong script": "it has a character that is in no present-day word",
    }
    logging.warning("%r stays as it is: %s", shown, why.get(cause, cause))
