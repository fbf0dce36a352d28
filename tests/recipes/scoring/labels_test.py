"""Figures of pairs are means over lists, and of questions that stay whole."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from toy_crowd import CORPUS

from epik_jax.models.scorer_config import BilstmScorerConfig
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.scoring.labels import (
    for_validation,
    label_term,
    log_odds,
    mean_figure,
    question_counts,
    ratios,
)
from epik_jax.structs import ModelOutput, TextPair

LABELS = ("0", "1")


def pairs(*rows):
    return [TextPair(f"{i}", a, f"b{i}", label) for i, (a, label) in enumerate(rows)]


def test_a_draw_keeps_the_candidates_of_a_question_together():
    chosen = for_validation(CORPUS.test | {"all": CORPUS.train}, 7)
    for name, found in chosen.items():
        every = CORPUS.train if name == "all" else CORPUS.test[name]
        for question in {pair.text_a for pair in found}:
            whole = [pair for pair in every if pair.text_a == question]
            assert [pair for pair in found if pair.text_a == question] == whole
    assert len(chosen["all"]) == 10
    again = for_validation({"all": CORPUS.train[::-1]}, 7)["all"]
    assert {p.example_id for p in again} == {p.example_id for p in chosen["all"]}


def test_figures_are_unweighted_means_over_lists():
    lists = {"a": pairs(("q", "1")), "b": pairs(*[("q", "0")] * 3)}
    sure = np.array([[0.1, 0.9]])
    said = {"a": np.log(sure), "b": np.log(np.repeat(sure, 3, axis=0))}
    assert mean_figure(said, lists, LABELS, "") == 0.5


def test_ranking_is_by_the_chance_of_the_right_class():
    asked = pairs(("q", "1"), ("q", "0"), ("r", "0"))
    probs = np.array([[0.7, 0.3], [0.8, 0.2], [0.1, 0.9]])
    found = ratios(np.log(probs), asked, LABELS, "1")
    assert found["map"].value() == found["mrr"].value() == 1.0
    assert found["accuracy"].value() == pytest.approx(1 / 3)
    assert found["accuracy"].clusters.tolist() == [0, 0, 1]
    assert ratios(np.log(probs), asked, LABELS, "").keys() == {"accuracy"}


def test_candidates_that_are_all_but_certain_are_told_apart():
    asked = pairs(("q", "1"), ("q", "0"))
    # As float32 both probabilities are 1.
    logits = np.array([[0.0, 25.0], [0.0, 20.0]], np.float32)
    said = np.asarray(jax.nn.log_softmax(logits))
    assert np.exp(said[0, 1]) == np.exp(said[1, 1]) == 1.0
    assert ratios(said, asked, LABELS, "1")["mrr"].value() == 1.0
    turned = ratios(said[::-1], asked, LABELS, "1")
    assert turned["mrr"].value() == 0.5


def test_log_odds_are_of_a_class_against_all_others():
    probs = np.array([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1]])
    found = log_odds(np.log(probs), 1)
    np.testing.assert_allclose(found, np.log([0.2 / 0.8, 0.8 / 0.2]))


def test_questions_about_which_a_ranking_says_nothing_are_counted():
    asked = pairs(("q", "1"), ("q", "0"), ("r", "0"), ("s", "1"), ("s", "1"))
    assert question_counts(asked, "1") == {
        "questions": 3,
        "without a right candidate": 1,
        "of right candidates alone": 1,
    }


def test_people_are_learnt_from_by_the_first_header_alone():
    config = BilstmScorerConfig(9, 4, 4, LABELS, num_headers=3)
    assert config.num_headers == 3
    logits = np.random.default_rng(0).normal(size=(2, 3, 2)).astype(np.float32)
    batch = {
        "labels": np.array([1, 0]),
        "label_mask": np.array([True, False]),
        "weight": np.ones(2, np.float32),
    }
    objective = Objective((label_term(),))

    def loss(logits):
        return objective(ModelOutput(logits), batch)[0]

    slopes = np.asarray(jax.grad(loss)(logits))
    assert abs(slopes[0, 0]).min() > 0
    assert not slopes[0, 1:].any() and not slopes[1].any()
