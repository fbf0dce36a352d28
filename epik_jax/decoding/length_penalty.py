"""How much a hypothesis is forgiven for being long.

In goes the longest length and the strength of the penalty, out comes one divisor for
every length. It does not know hypotheses: the search divides log-probabilities by it.
"""

from __future__ import annotations

import numpy as np


def length_divisors(max_length: int, length_penalty: float) -> np.ndarray:
    """The divisor of a log-probability for each length.

    A sum of log-probabilities only falls as tokens are added, so plain search prefers
    short answers; dividing by a growing function of the length offsets that. A table,
    made once, keeps every comparison in a search on the very same numbers.

    Args:
      max_length: the longest hypothesis, in tokens, end token included.
      length_penalty: exponent of (5 + length) / 6, at least 0; 0 switches the penalty
        off.

    Returns:
      float32 [max_length + 1], never falling, indexed by length; entry 0 is never used
      for a real hypothesis and repeats entry 1.

    Raises:
      ValueError: for a negative penalty, for which early stopping would not be sound.

    Source: Wu et al. 2016, "Google's Neural Machine Translation System", section 7.
    """
    if not 0 <= length_penalty < float("inf"):
        raise ValueError(f"length_penalty must be 0 or more, got {length_penalty}")
    lengths = np.maximum(np.arange(max_length + 1, dtype=np.float64), 1)
    return (((5 + lengths) / 6) ** length_penalty).astype(np.float32)
