"""Teachers side by side: their answers mixed, or one's answers ranked by another's.

Answers of several teachers to the same examples go in, one list of answers comes out.
It asks no teacher itself, so that any of them may be a network, a chain or a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from epik_jax.structs import Hypothesis
from epik_jax.teachers.chain import Answers, marginal
from epik_jax.text.edits import edit_rate


def mixture(
    answers: Sequence[Answers], weights: Sequence[float], *, by_confidence: bool = False
) -> Answers:
    """The weighted mixture of several teachers' distributions.

    Args:
      answers: of each teacher, to the same examples; each row is renormalised over
        the hypotheses that are there.
      weights: of each teacher, positive.
      by_confidence: a teacher's weight on an example is further multiplied by the
        probability of its first answer.

    Returns:
      Answers best first, with log-probabilities of the mixture.

    Raises:
      ValueError: not one weight a teacher, or a weight that is not positive.
    """
    if len(answers) != len(weights) or min(weights, default=0.0) <= 0:
        raise ValueError(f"weights {list(weights)} do not fit {len(answers)} teachers")
    mixed = []
    for rows in zip(*answers, strict=True):
        shares = [
            w * (math.exp(row[0].log_prob) if by_confidence else 1.0)
            for w, row in zip(weights, rows, strict=True)
        ]
        logs = np.log(np.maximum(shares, 1e-30)) - math.log(max(sum(shares), 1e-30))
        paths = [
            Hypothesis(h.text, float(log) + share)
            for log, row in zip(logs, rows, strict=True)
            for h, share in zip(row, hypothesis_log_weights(row), strict=True)
        ]
        mixed.append(marginal(paths))
    return mixed


def reranked(answers: Answers, advice: Answers, weight: float) -> Answers:
    """Answers in order of log p(y|x) - weight * edit rate to the adviser's answer.

    A second teacher that knows the scripts but not the language, such as a rule table,
    settles what the first is unsure of: vowel length, dental or retroflex.

    Args:
      answers: of the first teacher.
      advice: of the second; its first answer counts.
      weight: nats that a wholly different spelling costs.

    Returns:
      The same hypotheses with the changed scores as log-probabilities, best first.
    """
    return [
        tuple(
            sorted(
                (
                    Hypothesis(
                        h.text, h.log_prob - weight * edit_rate(h.text, other[0].text)
                    )
                    for h in row
                ),
                key=lambda h: -h.log_prob,
            )
        )
        for row, other in zip(answers, advice, strict=True)
    ]


def with_proposals(
    answers: Answers, advice: Answers, log_probs: Sequence[float]
) -> Answers:
    """Answers and, where it is not among them, the adviser's, best first.

    Args:
      answers: of the first teacher.
      advice: of the second; its first answer counts, an empty one does not.
      log_probs: how likely the first teacher finds each of these.
    """
    return [
        row
        if not other[0].text or any(h.text == other[0].text for h in row)
        else tuple(
            sorted(
                (*row, Hypothesis(other[0].text, log_prob)), key=lambda h: -h.log_prob
            )
        )
        for row, other, log_prob in zip(answers, advice, log_probs, strict=True)
    ]


def hypothesis_log_weights(row: Sequence[Hypothesis]) -> list[float]:
    """Log-probabilities renormalised over the hypotheses that are there."""
    logs = np.array([h.log_prob for h in row])
    shifted = logs - logs.max()
    return list(shifted - np.log(np.exp(shifted).sum()))
