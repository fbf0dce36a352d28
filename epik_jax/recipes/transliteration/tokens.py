"""What the models of a recipe read and write: letters, or pieces learnt from words.

Settings and training words go in; a vocabulary comes out, and which of its tokens may
follow which. Pieces lie in the run folder, so that they are learnt once.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import Literal

import numpy as np

from epik_jax.bounds import within
from epik_jax.files import write_whole
from epik_jax.models.config import TransformerConfig
from epik_jax.parallel import processes
from epik_jax.recipes.recipe import Workplace, digest
from epik_jax.structs import Example
from epik_jax.text.pieces import train_sentencepiece
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import (
    CharacterVocabulary,
    Vocabulary,
    encode_sources,
    load_vocabulary,
)
from epik_jax.text.wellformed import follow_table

MAX_PIECES = 8192
"""The spelling constraint is a table of so many squared, for each language."""


@dataclasses.dataclass(frozen=True)
class VocabularyConfig:
    """What a token is.

    Attributes:
      kind: "characters" of the script tables, or "sentencepiece": pieces learnt from
        the training words, native and Latin ones together.
      size: of "sentencepiece", how many tokens; special ids, tags and every letter of
        the five scripts are among them.
    """

    kind: Literal["characters", "sentencepiece"] = "characters"
    size: int = 2000

    def __post_init__(self) -> None:
        """Refuses a number that cannot be a vocabulary's."""
        within(self, 1, MAX_PIECES, "size")


def build_vocabulary(
    config: VocabularyConfig, examples: Sequence[Example], at: Workplace
) -> Vocabulary:
    """The vocabulary of a run; pieces are learnt where they were not before.

    Args:
      config: which kind.
      examples: what is trained on; both sides are learnt from.
      at: of the run; pieces are kept in its folder, by what they were learnt from.

    Raises:
      ValueError: there cannot be so many or so few pieces; says how many could be.
    """
    characters = CharacterVocabulary.from_languages(LANGUAGES)
    if config.kind == "characters":
        return characters
    # Every letter counts as a word, so that none is unknown; sorted, so that the order
    # of lists and directions makes no difference.
    words = {word for e in examples for word in (e.source, *e.targets)}
    learnt_from = sorted(words | set(characters.letters))
    name = digest({"words": learnt_from, "size": config.size})[:16]
    path = at.folder / "vocabulary" / f"{name}.model"
    if path.exists():
        return load_vocabulary(path)
    logging.info("vocabulary: %d pieces from %d words", config.size, len(words))
    try:
        pieces = train_sentencepiece(learnt_from, config.size, LANGUAGES)
    except ValueError as error:
        raise ValueError(f"teacher.vocabulary.size: {error}") from error
    path.parent.mkdir(exist_ok=True)
    processes.by_first("vocabulary is written", write_whole, path, pieces.model)
    return pieces


def demand_readable(
    examples: Sequence[Example], vocabulary: Vocabulary, model: TransformerConfig
) -> None:
    """Misses words that a network could not read before it is trained to.

    Args:
      examples: what it will be asked.
      vocabulary: of the network.
      model: its sizes.

    Raises:
      ValueError: one is too long; says which, and what to change.
    """
    words, langs = [e.source for e in examples], [e.target_lang for e in examples]
    lengths = encode_sources(vocabulary, words, langs).lengths
    longest, widest = int(lengths.max(initial=0)), model.longest_source
    if longest > widest:
        size = "num_slots" if model.num_slots else "max_length"
        raise ValueError(
            f"{words[int(lengths.argmax())]!r} is {longest} tokens with tag and end, "
            f"{widest} at most are read; lower data.max_length or raise model.{size}"
        )


def follow_tables(vocabulary: Vocabulary) -> np.ndarray:
    """Bool [languages, V, V]: which token may follow which in each language."""
    return np.stack([follow_table(vocabulary, lang) for lang in LANGUAGES])
