"""Examples that a live teacher may be asked about, found by key as in a cache."""

from __future__ import annotations

import numpy as np


class KnownExamples:
    """Where examples of some keys stand."""

    def __init__(self, keys: np.ndarray, digests: np.ndarray) -> None:
        """Knows N examples.

        Args:
          keys: uint64 [N], one a row.
          digests: uint64 [N], of the rows as the teacher reads them.
        """
        self._places = {key: place for place, key in enumerate(keys.tolist())}
        self._digests = digests

    def find(self, keys: np.ndarray, digests: np.ndarray) -> np.ndarray:
        """Places of the named examples, int64 in that order.

        Raises:
          ValueError: one is not known, or was encoded otherwise.
        """
        if unknown := [k for k in keys.tolist() if k not in self._places]:
            raise ValueError(f"there is no example of key {unknown[0]:#018x}")
        places = np.array([self._places[k] for k in keys.tolist()], np.int64)
        if (self._digests[places] != digests).any():
            raise ValueError("the examples were encoded differently by their caller")
        return places
