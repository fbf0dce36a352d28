"""Samples that follow from the words alone: no seed, no bias by the order of a file.

Text or examples go in, shares of one or a sample come out, equal on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from epik_jax.structs import Example, Sentence

Item = TypeVar("Item", Example, Sentence)


def share_of(text: str) -> float:
    """A number in [0, 1) that is as good as random and always the same for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def share_by_words(sentence: Sentence, purpose: str) -> float:
    """The same of a sentence: equal ones have equal numbers, whatever list they are of.

    Args:
      sentence: of which the words alone count.
      purpose: of the draw; draws for different ones have nothing to do with each other.
    """
    return share_of("\x1f".join((purpose, *sentence.words)))


def held_out(sentences: Sequence[Sentence], count: int) -> np.ndarray:
    """Which sentences are not to be learnt from: bool [N], true for `count` of them."""
    shares = [share_by_words(s, "held out") for s in sentences]
    found = np.zeros(len(sentences), bool)
    found[np.argsort(shares, kind="stable")[:count]] = True
    return found


def drawn(examples: Sequence[Item], limit: int) -> list[Item]:
    """A sample, in an order as good as random, so that its beginning is one too.

    Args:
      examples: of unequal ids.
      limit: most examples; 0 for all of them in the order given.
    """
    if not limit:
        return list(examples)
    return sorted(examples, key=lambda e: share_of(e.example_id))[:limit]
