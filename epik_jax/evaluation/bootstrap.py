"""Percentile bootstrap over rows, for one system and for two on the same rows.

Columns of numbers go in, an `Interval` comes out. The statistic is a ratio of sums
inside each stratum (a language pair, say) and the unweighted mean of those over the
strata. Nothing here knows what a row is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

_MAX_DRAWS = 1 << 22  # Row indices held at once: 32 MiB, whatever the corpus size.
_DUST = 1e-12  # A bound that should be zero comes out as 1e-17 either way.


@dataclasses.dataclass(frozen=True)
class Ratio:
    """A metric as columns: the sum of one divided by the sum of the other.

    Attributes:
      numerators: float [N], such as edits.
      denominators: float [N], such as reference lengths; ones for a plain mean.
    """

    numerators: np.ndarray
    denominators: np.ndarray

    def __post_init__(self) -> None:
        if self.numerators.shape != self.denominators.shape:
            raise ValueError(
                f"{self.numerators.shape} numerators against "
                f"{self.denominators.shape} denominators"
            )

    def take(self, rows: np.ndarray) -> Ratio:
        """The named rows."""
        return Ratio(self.numerators[rows], self.denominators[rows])

    def value(self) -> float:
        """The ratio of the sums."""
        return float(self.numerators.sum() / self.denominators.sum())


@dataclasses.dataclass(frozen=True)
class Interval:
    """A figure with the range in which resampling the rows leaves it."""

    value: float
    low: float
    high: float
    level: float
    num_resamples: int

    def verdict(self, *, higher_is_better: bool) -> str:
        """What a difference says: "better", "worse" or "inconclusive".

        It says "inconclusive" while the interval touches zero.
        """
        if self.low <= _DUST and self.high >= -_DUST:
            return "inconclusive"
        return "better" if (self.low > 0.0) == higher_is_better else "worse"


def macro_value(ratio: Ratio, strata: Sequence[str] | np.ndarray) -> float:
    """The unweighted mean over strata of each stratum's ratio."""
    groups = _rows_by_stratum(ratio, strata)
    return float(np.mean([ratio.take(rows).value() for rows in groups]))


def interval(
    ratio: Ratio,
    strata: Sequence[str] | np.ndarray,
    *,
    num_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of one system's macro-averaged ratio.

    Rows are drawn with replacement inside each stratum, so that every resample keeps
    the sizes of the strata.

    Args:
      ratio: columns of N rows.
      strata: N labels; give one label to all rows for a plain ratio.
      num_resamples: how often the rows are drawn anew.
      level: share of the resamples inside the interval.
      seed: the same seed gives the same interval.

    Raises:
      ValueError: no rows, or another number of labels than of rows.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    draws = np.mean(
        [
            _resampled((ratio.take(rows),), num_resamples, (seed, i))[0]
            for i, rows in enumerate(_rows_by_stratum(ratio, strata))
        ],
        axis=0,
    )
    return _percentiles(macro_value(ratio, strata), draws, level)


def paired_interval(
    a: Ratio,
    b: Ratio,
    strata: Sequence[str] | np.ndarray,
    *,
    num_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of `a` minus `b`, both measured on the same rows.

    Each resample draws the same rows for both systems, so what makes a row hard for
    both cancels out and small differences become visible.

    Args:
      a: columns of the first system, N rows.
      b: columns of the second, its row i about the same example as `a`'s.
      strata: N labels; the difference is averaged over strata, unweighted.
      num_resamples: how often the rows are drawn anew.
      level: share of the resamples inside the interval.
      seed: the same seed gives the same interval.

    Raises:
      ValueError: no rows, or unequal numbers of rows or labels.
    """
    if a.numerators.shape != b.numerators.shape:
        raise ValueError(f"{a.numerators.shape} rows against {b.numerators.shape}")
    differences = []
    for i, rows in enumerate(_rows_by_stratum(a, strata)):
        drawn = _resampled((a.take(rows), b.take(rows)), num_resamples, (seed, i))
        differences.append(drawn[0] - drawn[1])
    value = macro_value(a, strata) - macro_value(b, strata)
    return _percentiles(value, np.mean(differences, axis=0), level)


def share_interval(
    a: Ratio,
    start: Ratio,
    end: Ratio,
    strata: Sequence[str] | np.ndarray,
    *,
    num_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval | None:
    """Percentile interval of the share of the way from `start` to `end` that `a` goes.

    All three are macro-averaged on the same draws of the rows; the share is
    (a - start) / (end - start).

    Args:
      a: columns of the system in question, N rows.
      start: columns of the one that it sets out from, on the same rows.
      end: columns of the one that it heads for, on the same rows.
      strata: N labels.
      num_resamples: how often the rows are drawn anew.
      level: share of the resamples inside the interval.
      seed: the same seed gives the same interval.

    Returns:
      The interval, or None where `start` and `end` are too near for a share of the way
      between them to mean anything: where some resample has them change places.

    Raises:
      ValueError: no rows, or unequal numbers of rows or labels.
    """
    ratios = (a, start, end)
    if len({r.numerators.shape for r in ratios}) > 1:
        raise ValueError(f"rows of {[r.numerators.shape for r in ratios]}")
    drawn = np.mean(
        [
            _resampled(tuple(r.take(rows) for r in ratios), num_resamples, (seed, i))
            for i, rows in enumerate(_rows_by_stratum(a, strata))
        ],
        axis=0,
    )
    values = [macro_value(r, strata) for r in ratios]
    way, whole = drawn[2] - drawn[1], values[2] - values[1]
    if (np.sign(way) != np.sign(whole)).any() or abs(whole) < _DUST:
        return None
    share = (values[0] - values[1]) / whole
    return _percentiles(share, (drawn[0] - drawn[1]) / way, level)


def _rows_by_stratum(
    ratio: Ratio, strata: Sequence[str] | np.ndarray
) -> list[np.ndarray]:
    num_rows = len(ratio.numerators)
    if num_rows == 0 or len(strata) != num_rows:
        raise ValueError(f"{num_rows} rows with {len(strata)} strata labels")
    names, index = np.unique(np.asarray(strata, dtype=str), return_inverse=True)
    return [np.flatnonzero(index == i) for i in range(len(names))]


def _resampled(
    ratios: tuple[Ratio, ...], num_resamples: int, seed: tuple[int, int]
) -> np.ndarray:
    """[len(ratios), num_resamples]: all ratios on the same draws of the rows."""
    rng = np.random.default_rng(seed)
    num_rows = len(ratios[0].numerators)
    chunk = max(1, _MAX_DRAWS // num_rows)
    parts = []
    for start in range(0, num_resamples, chunk):
        shape = (min(chunk, num_resamples - start), num_rows)
        rows = rng.integers(0, num_rows, shape)
        parts.append(
            [r.numerators[rows].sum(1) / r.denominators[rows].sum(1) for r in ratios]
        )
    return np.concatenate(parts, axis=1)


def _percentiles(value: float, draws: np.ndarray, level: float) -> Interval:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level, len(draws))
