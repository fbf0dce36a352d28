"""Language pairs take turns, so that a long list of one pair hides no other."""

from __future__ import annotations

import numpy as np


def taking_turns(rows: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The rows with their pairs in turn, those of one pair in the order given.

    Args:
      rows: int64, indices into `pairs`.
      pairs: str [N], such as "hi>ta".
    """
    labels = pairs[rows]
    turn = np.zeros(len(rows), np.int64)
    for pair in np.unique(labels):
        turn[labels == pair] = np.arange(int((labels == pair).sum()))
    return rows[np.lexsort((labels, turn))]
