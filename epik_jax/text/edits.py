"""Edit distance between two spellings; the only door to the library that counts it."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein


def edit_rate(text: str, reference: str) -> float:
    """Insertions, deletions and substitutions per code point of the longer text.

    Returns:
      0 for equal texts, at most 1.
    """
    return float(Levenshtein.normalized_distance(text, reference))


def num_edits(text: str, reference: str) -> int:
    """Insertions, deletions and substitutions that turn one text into the other."""
    return int(Levenshtein.distance(text, reference))
