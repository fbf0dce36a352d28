"""Keeps held-out words out of training data.

Pairs or examples and the native words of the dev and test lists go in; what may be
trained on comes out, with the number dropped on account of each list. Published sets
overlap: Aksharantar's training words include test words of Dakshina and the reverse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

from epik_jax.data.pairs import WordPair
from epik_jax.structs import Example

Item = TypeVar("Item", WordPair, Example)


def native_forms(item: WordPair | Example) -> tuple[str, ...]:
    """The words of an item that are not English.

    English is left out on purpose: one Latin spelling stands for several native words,
    so a shared spelling alone gives nothing away.
    """
    if isinstance(item, WordPair):
        return (item.native,)
    source = (item.source,) if item.source_lang != "en" else ()
    return source + (item.targets if item.target_lang != "en" else ())


def native_words(items: Iterable[WordPair | Example]) -> frozenset[str]:
    """The set of all native forms, as `leak_guard` wants it of a held-out list."""
    return frozenset(word for item in items for word in native_forms(item))


def leak_guard(
    train: Sequence[Item], held_out: Mapping[str, AbstractSet[str]]
) -> tuple[list[Item], dict[str, int]]:
    """Drops every training item with a native word that a held-out list contains.

    Args:
      train: word pairs or examples to train on.
      held_out: name of each dev or test list in use -> its native words, normalised.

    Returns:
      The items that stay, in order, and per list how many were dropped because of it;
      an item found in two lists counts for both.
    """
    everywhere = frozenset().union(*held_out.values())
    dropped = dict.fromkeys(held_out, 0)
    kept: list[Item] = []
    for item in train:
        words = native_forms(item)
        if everywhere.isdisjoint(words):
            kept.append(item)
            continue
        for name, held in held_out.items():
            dropped[name] += not held.isdisjoint(words)
    return kept, dropped
