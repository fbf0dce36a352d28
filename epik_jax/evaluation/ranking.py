"""Candidates ranked for questions: how high the right ones stand.

Scores of candidates go in, a row a question comes out, from which means follow with
their intervals. What scores them is no business of this file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from epik_jax.evaluation.resampling import Ratio


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Questions with a right candidate at least, in the order in which they came.

    Attributes:
      questions: Q of them.
      average_precision: float [Q].
      reciprocal_rank: float [Q], of the first right candidate.
      num_left_out: questions without a right candidate, about which a ranking says
        nothing.
    """

    questions: tuple[str, ...]
    average_precision: np.ndarray
    reciprocal_rank: np.ndarray
    num_left_out: int

    def ratio(self, metric: str) -> Ratio:
        """Columns of "map" or "mrr"; raises KeyError for another."""
        values = {"map": self.average_precision, "mrr": self.reciprocal_rank}[metric]
        return Ratio(values, np.ones(len(values)))


def rank_candidates(
    questions: Sequence[str], right: np.ndarray, scores: np.ndarray
) -> Ranking:
    """Ranks the candidates of each question by their scores, highest first.

    Candidates of equal scores are one step of the ranking: none of them is ahead of
    another by the order in which they came.

    Args:
      questions: N, of each candidate; those of equal text are one question.
      right: bool [N].
      scores: float [N], higher for what is likelier right.

    Raises:
      ValueError: unequal numbers, or a score that is no number.

    Source: Yang, Yih and Meek 2015 (WikiQA), section 4: MAP and MRR over questions that
    have an answer.
    """
    if not len(questions) == len(right) == len(scores):
        raise ValueError(
            f"{len(questions)} questions, {len(right)} labels, {len(scores)} scores"
        )
    if not np.isfinite(scores).all():
        raise ValueError("a score is no number")
    rows: dict[str, list[int]] = {}
    for row, question in enumerate(questions):
        rows.setdefault(question, []).append(row)
    asked = {q: np.array(some) for q, some in rows.items() if right[some].any()}
    found = [_question(right[some], scores[some]) for some in asked.values()]
    columns = np.array(found, np.float64).reshape(-1, 2)
    return Ranking(
        tuple(asked), columns[:, 0], columns[:, 1], num_left_out=len(rows) - len(asked)
    )


def _question(right: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Average precision, and one over the rank of the first right candidate."""
    # [right ones, candidates]: who stands as high as a right one, or higher.
    ahead = scores[None, :] >= scores[right][:, None]
    precision = (ahead & right[None, :]).sum(axis=1) / ahead.sum(axis=1)
    wrong_ahead = (ahead & ~right[None, :]).sum(axis=1).min()
    return float(precision.mean()), float(1.0 / (1 + wrong_ahead))
