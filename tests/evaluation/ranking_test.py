"""Rankings are scored as scikit-learn scores them, and ties win nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import label_ranking_average_precision_score

from epik_jax.evaluation.ranking import rank_candidates


@pytest.mark.parametrize("levels", [3, 1000])
def test_average_precision_is_that_of_scikit_learn_with_and_without_ties(levels):
    rng = np.random.default_rng(levels)
    questions = [f"q{i}" for i in rng.integers(0, 30, 400)]
    right = rng.random(400) < 0.3
    scores = rng.integers(0, levels, 400) / levels
    found = rank_candidates(questions, right, scores)
    for question, value in zip(found.questions, found.average_precision, strict=True):
        rows = [i for i, q in enumerate(questions) if q == question]
        theirs = label_ranking_average_precision_score([right[rows]], [scores[rows]])
        assert value == pytest.approx(theirs)


def test_the_first_right_candidate_gives_the_rank():
    questions = ["a"] * 4 + ["b"] * 2
    right = np.array([0, 1, 1, 0, 1, 0], bool)
    scores = np.array([0.9, 0.5, 0.4, 0.1, 0.7, 0.2])
    found = rank_candidates(questions, right, scores)
    assert found.questions == ("a", "b")
    assert found.reciprocal_rank.tolist() == [0.5, 1.0]
    assert found.average_precision.tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, 1.0])
    assert found.ratio("mrr").value() == 0.75


def test_of_equal_scores_the_wrong_ones_come_first_in_any_order():
    for right in ([1, 0, 0], [0, 0, 1]):
        found = rank_candidates(["a"] * 3, np.array(right, bool), np.zeros(3))
        assert found.reciprocal_rank.tolist() == pytest.approx([1 / 3])
    both_right = rank_candidates(["a"] * 2, np.ones(2, bool), np.zeros(2))
    assert both_right.reciprocal_rank.tolist() == [1.0]


def test_questions_without_a_right_candidate_are_left_out_and_counted():
    right = np.array([0, 0, 1], bool)
    found = rank_candidates(["a", "a", "b"], right, np.arange(3.0))
    assert (found.questions, found.num_left_out) == (("b",), 1)


def test_a_score_that_is_no_number_and_unequal_numbers_are_refused():
    with pytest.raises(ValueError, match="no number"):
        rank_candidates(["a"], np.ones(1, bool), np.array([np.nan]))
    with pytest.raises(ValueError, match="1 questions, 2 labels"):
        rank_candidates(["a"], np.ones(2, bool), np.zeros(2))
