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

from epik_jax.evaluation.resampling import Ratio, resampled, rows_by_stratum

_DUST = 1e-12  # A bound that should be zero comes out as 1e-17 either way.


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
    groups = rows_by_stratum(ratio, strata)
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
    draws = resampled((ratio,), strata, num_resamples, seed)
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
    draws = resampled((a, b), strata, num_resamples, seed)
    value = macro_value(a, strata) - macro_value(b, strata)
    return _percentiles(value, draws[0] - draws[1], level)


def seeds_interval(
    a: Sequence[Ratio],
    b: Sequence[Ratio],
    strata: Sequence[str] | np.ndarray,
    *,
    num_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of the mean of `a` minus that of `b`, several runs each.

    Each resample draws rows for all runs alike, and for either side as many of its runs
    as there are, with replacement: another run would have come out otherwise, too.
    Deviations of drawn means are widened by sqrt(S / (S - 1)) for S runs, by which the
    bootstrap of a mean of few is too narrow. One run alone of `b` is a system that is
    given, and stays as it is.

    Args:
      a: columns of the first system's runs, N rows each.
      b: of the second's, on the same rows.
      strata: N labels; values are averaged over strata, unweighted.
      num_resamples: how often rows and runs are drawn anew.
      level: share of the resamples inside the interval.
      seed: the same seed gives the same interval.

    Raises:
      ValueError: fewer than two runs of `a`, no rows, or unequal numbers of them.

    Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8.
    """
    if len(a) < 2 or not b:
        raise ValueError("the spread of runs cannot be seen in fewer than two")
    if len({r.numerators.shape for r in (*a, *b)}) > 1:
        raise ValueError(f"rows of {[r.numerators.shape for r in (*a, *b)]}")
    drawn = resampled((*a, *b), strata, num_resamples, seed)
    rng = np.random.default_rng((seed, 1))
    means = []
    for values in (drawn[: len(a)], drawn[len(a) :]):
        count = len(values)
        if count == 1:
            means.append(values[0])
            continue
        runs = rng.integers(0, count, (count, num_resamples))
        mean = values.mean(axis=0)
        moved = np.take_along_axis(values, runs, axis=0).mean(axis=0) - mean
        means.append(mean + moved * (count / (count - 1)) ** 0.5)
    value = np.mean([macro_value(r, strata) for r in a])
    value -= np.mean([macro_value(r, strata) for r in b])
    return _percentiles(float(value), means[0] - means[1], level)


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
      between them to mean anything: where some resample has them change places, or
      nothing of which a ratio could be made.

    Raises:
      ValueError: no rows, or unequal numbers of rows or labels.
    """
    ratios = (a, start, end)
    if len({r.numerators.shape for r in ratios}) > 1:
        raise ValueError(f"rows of {[r.numerators.shape for r in ratios]}")
    drawn = resampled(ratios, strata, num_resamples, seed)
    values = [macro_value(r, strata) for r in ratios]
    way, whole = drawn[2] - drawn[1], values[2] - values[1]
    if (np.sign(way) != np.sign(whole)).any() or abs(whole) < _DUST:
        return None
    if np.isnan(drawn).any():
        return None
    share = (values[0] - values[1]) / whole
    return _percentiles(share, (drawn[0] - drawn[1]) / way, level)


def _percentiles(value: float, draws: np.ndarray, level: float) -> Interval:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level, len(draws))
