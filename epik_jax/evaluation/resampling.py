"""Rows drawn with replacement, and what a ratio of sums is on each draw.

Columns of numbers go in, macro averages of as many draws as are wanted come out. Rows
of one cluster (a name that is asked in many pairs) are drawn together. What is made of
the draws is settled in `bootstrap`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

_MAX_DRAWS = 1 << 22  # Cluster counts held at once: 32 MiB, whatever the corpus size.


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


def rows_by_stratum(
    ratio: Ratio, strata: Sequence[str] | np.ndarray
) -> list[np.ndarray]:
    """The rows of each stratum, the strata sorted by their labels.

    Raises:
      ValueError: no rows, or another number of labels than of rows.
    """
    num_rows = len(ratio.numerators)
    if num_rows == 0 or len(strata) != num_rows:
        raise ValueError(f"{num_rows} rows with {len(strata)} strata labels")
    names, index = np.unique(np.asarray(strata, dtype=str), return_inverse=True)
    return [np.flatnonzero(index == i) for i in range(len(names))]


def resampled(
    ratios: Sequence[Ratio],
    strata: Sequence[str] | np.ndarray,
    num_resamples: int,
    seed: int,
) -> np.ndarray:
    """Macro averages of all ratios on the same draws.

    Clusters are drawn inside each stratum where none reaches over several, else among
    all.

    Args:
      ratios: columns of N rows each.
      strata: N labels.
      num_resamples: how often rows are drawn.
      seed: the same seed gives the same draws.

    Returns:
      float [len(ratios), num_resamples]; NaN where a draw has nothing to divide by.

    Raises:
      ValueError: no rows, or another number of labels than of rows.
    """
    groups = rows_by_stratum(ratios[0], strata)
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
        # Of few clusters a resample may leave a stratum, or all, without any.
        with np.errstate(invalid="ignore"):
            by_stratum = [(counts @ n) / (counts @ d) for n, d in sums]
            parts.append([_mean_of_known(values) for values in by_stratum])
    return np.concatenate(parts, axis=1)


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Means of rows without what is no number; of nothing else, no number."""
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1)  # type: ignore[no-any-return]


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
