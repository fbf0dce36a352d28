"""What stands in one list and must not stand in another.

Lists go in, lists and an account of what was left out of them come out.
"""

from __future__ import annotations

from typing import TypeAlias

from epik_jax.recipes.leaks import without_leaks
from epik_jax.structs import Sentence

Lists: TypeAlias = dict[tuple[str, str], list[Sentence]]
"""Sentences by split and name of the list."""

_GUARDS = {
    "test": (),
    "dev": ("test",),
    "train": ("test", "dev"),
    "unlabelled": ("test", "dev", "train"),
}
"""Splits whose sentences a split must not hold."""


def guarded(lists: Lists, counts: dict[str, dict[str, int]]) -> Lists:
    """The lists without what would leak from one purpose into another.

    Sentences are alike where their letters are, however they are cut into words.

    Args:
      lists: as they were read.
      counts: "split:name" -> counts, to which "held out" and "sentences" are added.
    """
    return without_leaks(lists, _GUARDS, _letters, counts, "sentences")


def _letters(sentence: Sentence) -> str:
    return "".join(sentence.words)
