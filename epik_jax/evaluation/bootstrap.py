"""Percentile bootstrap over clusters of rows, for one system and for several.

Columns of numbers go in, an `Interval` comes out. The statistic is a ratio of sums
inside each stratum (a language pair, say) and the unweighted mean of those over the
strata. Rows of one cluster (a name that is asked in many pairs) are drawn together:
they are hard or easy together, and to draw them apart would halve the interval. Nothing
here knows what a row is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

_MAX_DRAWS = 1 << 22  # Cluster counts held at once: 32 MiB, whatever the corpus size.
_DUST = 1e-12  # A bound that should be zero comes out as 1e-17 either way.


@dataclasses.dataclass(frozen=True)
class Ratio:
    """A metric as columns: the sum of one divided by the sum of the other.

    Attributes:
      numerators: float [N], such as edits.
      denominators: float [N], such as reference lengths; ones for a plain mean.
      clusters: [N], rows of equal label are drawn together; None where each row is
        drawn for itself.
    """

    numerators: np.ndarray
    denominators: np.ndarray
    clusters: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.numerators.shape != self.denominators.shape:
            raise ValueError(
                f"{self.numerators.shape} numerators against "
                f"{self.denominators.shape} denominators"
            )

    @property
    def known(self) -> np.ndarray:
        """Rows that the metric says something of, int64 [at most N]."""
        return np.flatnonzero(self.denominators)

    def take(self, rows: np.ndarray) -> Ratio:
        """The named rows."""
        clusters = None if self.clusters is None else self.clusters[rows]
        return Ratio(self.numerators[rows], self.denominators[rows], clusters)

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

    def figure(self) -> dict[str, float]:
        """The value and its bounds, as reports and evaluations hold them."""
        return {"value": self.value, "low": self.low, "high": self.high}

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

    Clusters are drawn with replacement: inside each stratum where none reaches over
    several, so that every resample keeps the sizes of the strata, and else among all.

    Args:
      ratio: columns of N rows.
      strata: N labels; give one label to all rows for a plain ratio.
      num_resamples: how often the rows are drawn anew.
      level: share of the resamples inside the interval.
      seed: the same seed gives the same interval.

    Raises:
      ValueError: no rows, or another number of labels than of rows.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3; of
    clusters: Field and Welsh, Bootstrapping clustered data, 2007.
    """
    draws = _resampled((ratio,), strata, num_resamples, seed)
    return _percentiles(macro_value(ratio, strata), draws[0], level)


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

    Each resample draws the same clusters for both, so what makes a row hard for
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
    draws = _resampled((a, b), strata, num_resamples, seed)
    value = macro_value(a, strata) - macro_value(b, strata)
    return _percentiles(value, draws[0] - draws[1], level)


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
    drawn = _resampled(ratios, strata, num_resamples, seed)
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
    ratios: Sequence[Ratio],
    strata: Sequence[str] | np.ndarray,
    num_resamples: int,
    seed: int,
) -> np.ndarray:
    """[len(ratios), num_resamples]: macro averages of all on the same draws."""
    groups = _rows_by_stratum(ratios[0], strata)
    stratum = np.empty(len(ratios[0].numerators), np.int64)
    for i, rows in enumerate(groups):
        stratum[rows] = i
    labels = ratios[0].clusters
    labels = np.arange(len(stratum)) if labels is None else labels
    cluster = np.unique(labels, return_inverse=True)[1]
    pools = _pools(cluster, stratum)
    shape = (int(cluster.max()) + 1, len(groups))
    sums = [
        [_summed(column, cluster, stratum, shape) for column in columns]
        for columns in ((r.numerators, r.denominators) for r in ratios)
    ]
    chunk = max(1, _MAX_DRAWS // shape[0])
    parts = []
    for start in range(0, num_resamples, chunk):
        size = min(chunk, num_resamples - start)
        counts = _drawn_counts(pools, size, (seed, start))
        # Of few clusters a resample may leave a stratum without any.
        with np.errstate(invalid="ignore"):
            by_stratum = [(counts @ n) / (counts @ d) for n, d in sums]
        parts.append([np.nanmean(values, axis=1) for values in by_stratum])
    return np.concatenate(parts, axis=1)


def _pools(cluster: np.ndarray, stratum: np.ndarray) -> list[np.ndarray]:
    """Clusters that are drawn among each other: by stratum where none has several."""
    first = np.full(cluster.max() + 1, stratum.max())
    last = np.zeros(cluster.max() + 1, np.int64)
    np.minimum.at(first, cluster, stratum)
    np.maximum.at(last, cluster, stratum)
    if (first == last).all():
        return [np.flatnonzero(first == i) for i in range(int(stratum.max()) + 1)]
    return [np.arange(len(first))]


def _summed(
    column: np.ndarray, cluster: np.ndarray, stratum: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """[clusters, strata]: sums of a column."""
    total = np.zeros(shape)
    np.add.at(total, (cluster, stratum), column)
    return total


def _drawn_counts(
    pools: Sequence[np.ndarray], num_resamples: int, seed: tuple[int, int]
) -> np.ndarray:
    """Float [num_resamples, clusters]: how often each is in each resample."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((num_resamples, sum(map(len, pools))))
    for pool in pools:
        size = len(pool)
        drawn = rng.integers(0, size, (num_resamples, size))
        places = drawn + size * np.arange(num_resamples)[:, None]
        found = np.bincount(places.ravel(), minlength=num_resamples * size)
        counts[:, pool] = found.reshape(num_resamples, size)
    return counts


def _percentiles(value: float, draws: np.ndarray, level: float) -> Interval:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level, len(draws))
