"""Pairs to look at: those that a student and its crowd see most differently.

Lists and what both say of them go in, a few pairs of each list come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from epik_jax.structs import TextPair

NUM_OF_A_SIDE = 3


def samples(
    lists: Mapping[str, Sequence[TextPair]],
    said: Mapping[str, Mapping[str, np.ndarray]],
    labels: Sequence[str],
) -> list[dict[str, Any]]:
    """Pairs whose label one of two finds likely and the other does not.

    Args:
      lists: by name, with labels.
      said: of two systems, by name: list -> log-probabilities [N, C].
      labels: the classes in order.

    Returns:
      Of each list those that the first system is ahead with, furthest first, then those
      that the second is ahead with: "list", "text_a", "text_b", "label" and "probs" of
      that label by system.
    """
    first, second = said.values()
    found = []
    for name, pairs in lists.items():
        gold = np.array([labels.index(pair.label) for pair in pairs])
        rows = np.arange(len(pairs))
        ahead = np.exp(first[name][rows, gold]) - np.exp(second[name][rows, gold])
        order = np.argsort(-ahead, kind="stable")
        chosen = [row for row in order[:NUM_OF_A_SIDE] if ahead[row] > 0]
        chosen += [row for row in order[::-1][:NUM_OF_A_SIDE] if ahead[row] < 0]
        for row in chosen:
            pair = pairs[row]
            probs = {
                system: float(np.exp(one[name][row, gold[row]]))
                for system, one in said.items()
            }
            found.append(
                {
                    "list": name,
                    "text_a": pair.text_a,
                    "text_b": pair.text_b,
                    "label": pair.label,
                    "probs": probs,
                }
            )
    return found
