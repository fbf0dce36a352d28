"""Figures of scores with their intervals, as reports and evaluations hold them.

Scores go in, values that JSON can hold come out. How rows are drawn anew is the
business of `bootstrap`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epik_jax.evaluation import bootstrap
from epik_jax.evaluation.metrics import WordScores


def intervals(
    scores: WordScores,
    strata: Sequence[str] | np.ndarray,
    *,
    num_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Every metric with its 95 % interval.

    Args:
      scores: N rows.
      strata: N labels; a figure is the unweighted mean over those that have any.
      num_resamples: of the bootstrap.
      seed: of the bootstrap.

    Returns:
      Metric -> "value", "low" and "high", fractions of one, and "references" where
      the references themselves reach something else than 1.
    """
    found, labels = {}, np.asarray(strata)
    for metric in scores.metrics():
        ratio = scores.ratio(metric)
        made = bootstrap.interval(
            ratio.take(ratio.known),
            labels[ratio.known],
            num_resamples=num_resamples,
            seed=seed,
        )
        found[metric] = made.figure()
        if (theirs := scores.references(metric)) is not None:
            found[metric]["references"] = bootstrap.macro_value(theirs, strata)
    return found
