"""The corpus that ships: real names in five languages, and made-up words.

It lets everything run without a download and without a network: for demonstrations and
tests, never for a result on real data. The names come from `names.tsv` beside this
file, the words from the syllable grammar; examples come out.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.resources
from collections.abc import Iterable

import numpy as np

from epik_jax.data import syllables
from epik_jax.data.leak import leak_guard, native_words
from epik_jax.data.pairs import (
    WordPair,
    directed_examples,
    example_id,
    grouped_examples,
    merged_examples,
)
from epik_jax.structs import Example
from epik_jax.text.scripts import INDIC_LANGUAGES

SPLITS = ("train", "dev", "test")

_MAX_ROMANISATIONS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class NameRow:
    """One real name in five languages, as newspapers and encyclopedias spell it.

    Attributes:
      key: English form in letters a to z; a name's identity.
      en: English form, normalised.
      hi: Hindi form.
      ta: Tamil form.
      kn: Kannada form.
      bn: Bengali form.
      kind: "place_in" (in India), "place" (elsewhere) or "person".
    """

    key: str
    en: str
    hi: str
    ta: str
    kn: str
    bn: str
    kind: str


@dataclasses.dataclass(frozen=True, slots=True)
class SyntheticWord:
    """A made-up word in four scripts, and ways in which people might romanise it."""

    hi: str
    ta: str
    kn: str
    bn: str
    romanisations: tuple[str, ...]


@functools.cache
def names() -> tuple[NameRow, ...]:
    """All names, in file order."""
    file = importlib.resources.files("epik_jax.data").joinpath("names.tsv")
    header, *lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    columns = tuple(field.name for field in dataclasses.fields(NameRow))
    assert tuple(header.split("\t")) == columns, header
    return tuple(NameRow(*line.split("\t")) for line in lines)


def split(key: str) -> str:
    """The part of the corpus that a name belongs to: 80, 10 and 10 of a hundred.

    By the key's sha256, so that a name stays where it is when others are added.
    """
    place = int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10
    return {0: "dev", 1: "test"}.get(place, "train")


def synthetic_words(seed: int, count: int) -> list[SyntheticWord]:
    """Makes up words, no two of the same sound.

    Args:
      seed: any integer from 0; the words depend on nothing else.
      count: how many; a longer list starts with the shorter one.

    Returns:
      The words, with one to three romanisations each.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    made: dict[syllables.Phonemes, SyntheticWord] = {}
    while len(made) < count:
        phonemes = syllables.draw_phonemes(rng)
        if phonemes not in made:
            made[phonemes] = _written(phonemes, rng)
    return list(made.values())


def _written(phonemes: syllables.Phonemes, rng: np.random.Generator) -> SyntheticWord:
    hi, ta, kn, bn = (syllables.spell(phonemes, lang) for lang in INDIC_LANGUAGES)
    latin = (syllables.romanise(phonemes, rng) for _ in range(_MAX_ROMANISATIONS))
    return SyntheticWord(hi, ta, kn, bn, tuple(dict.fromkeys(latin)))


def builtin_examples(split: str, *, seed: int, num_synthetic: int) -> list[Example]:
    """The examples of one part of the corpus.

    Args:
      split: "train", "dev" or "test".
      seed: of the made-up words.
      num_synthetic: how many made-up words join the training names.

    Returns:
      For "train" both directions between English and each native language, one example
      per pair, names first, without any native word of a dev or test name. For the
      others one example per source with all its answers, and then, for evaluation
      alone, the direct pairs of native languages with the English form as pivot.

    Raises:
      ValueError: there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}, known: {SPLITS}")
    if split == "train":
        return builtin_train(seed, num_synthetic)[0]
    rows = _rows(split)
    pivoted = [
        example
        for lang in INDIC_LANGUAGES
        for example in grouped_examples(_name_pairs(rows, lang), lang)
    ]
    return pivoted + _direct_examples(rows)


def builtin_train(
    seed: int, num_synthetic: int
) -> tuple[list[Example], dict[str, int]]:
    """The "train" part, and how many examples were left out for each held-out one.

    Args:
      seed: of the made-up words.
      num_synthetic: how many of them join the training names.
    """
    words = synthetic_words(seed, num_synthetic)
    examples = [
        example
        for lang in INDIC_LANGUAGES
        for pairs in (_name_pairs(_rows("train"), lang), _word_pairs(words, lang))
        for example in directed_examples(pairs, lang)
    ]
    held_out = {
        split: native_words(_direct_examples(_rows(split))) for split in ("dev", "test")
    }
    return leak_guard(examples, held_out)


def _rows(wanted: str) -> list[NameRow]:
    return [row for row in names() if split(row.key) == wanted]


def _name_pairs(rows: Iterable[NameRow], lang: str) -> list[WordPair]:
    return [
        WordPair(getattr(row, lang), row.en, 1, row.kind, f"names.tsv:{row.key}")
        for row in rows
    ]


def _word_pairs(words: Iterable[SyntheticWord], lang: str) -> list[WordPair]:
    return [
        WordPair(getattr(word, lang), latin, 1, "synthetic", f"synthetic:{number}")
        for number, word in enumerate(words)
        for latin in word.romanisations
    ]


def _direct_examples(rows: Iterable[NameRow]) -> list[Example]:
    """Every name between every two native languages, its English form as the pivot."""
    rows = list(rows)
    return merged_examples(
        Example(
            example_id(getattr(row, source), source, target, row.en),
            getattr(row, source),
            source,
            target,
            (getattr(row, target),),
            row.en,
            row.kind,
        )
        for source in INDIC_LANGUAGES
        for target in INDIC_LANGUAGES
        if source != target
        for row in rows
    )
