"""Teachers side by side, against probabilities worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epik_jax.structs import Hypothesis
from epik_jax.teachers.crowd import (
    hypothesis_log_weights,
    mixture,
    reranked,
    with_proposals,
)

_ROW = st.dictionaries(
    st.sampled_from("abcd"), st.floats(-30, 0), min_size=1, max_size=4
).map(lambda d: row(**{k: math.exp(v) for k, v in d.items()}))


def row(**probs):
    """Hypotheses of given probabilities, best first."""
    ordered = sorted(probs.items(), key=lambda item: -item[1])
    return tuple(Hypothesis(text, math.log(p)) for text, p in ordered)


def probs(hypotheses):
    return {h.text: math.exp(h.log_prob) for h in hypotheses}


def test_a_mixture_follows_its_weights():
    first, second = row(a=0.6, b=0.4), row(b=0.5, c=0.5)
    [mixed] = mixture([[first], [second]], [3.0, 1.0])
    assert probs(mixed) == pytest.approx({"a": 0.45, "b": 0.425, "c": 0.125})
    assert [h.text for h in mixed] == ["a", "b", "c"]


def test_weights_count_only_by_their_ratio():
    rows = [[row(a=0.7, b=0.3)], [row(b=1.0)]]
    [small], [large] = mixture(rows, [0.1, 0.3]), mixture(rows, [100, 300])
    assert probs(small) == pytest.approx(probs(large))


@given(_ROW, _ROW, st.floats(0.01, 10), st.booleans())
def test_a_mixture_sums_to_one_and_comes_best_first(first, second, weight, confident):
    [mixed] = mixture([[first], [second]], [weight, 1.0], by_confidence=confident)
    assert sum(probs(mixed).values()) == pytest.approx(1.0)
    logs = [h.log_prob for h in mixed]
    assert logs == sorted(logs, reverse=True)
    assert {h.text for h in mixed} == {h.text for h in (*first, *second)}


def test_a_short_list_is_renormalised_before_it_is_mixed():
    # The first teacher's two answers carry a tenth of its probability.
    [mixed] = mixture([[row(a=0.06, b=0.04)], [row(c=1.0)]], [1.0, 1.0])
    assert probs(mixed) == pytest.approx({"a": 0.3, "b": 0.2, "c": 0.5})


def test_by_confidence_the_surer_teacher_counts_for_more_on_that_example_alone():
    sure, unsure = row(a=0.9, b=0.1), row(b=0.3, c=0.3)
    mixed = mixture([[sure, unsure], [unsure, sure]], [1.0, 1.0], by_confidence=True)
    assert [answers[0].text for answers in mixed] == ["a", "a"]
    # 0.9 : 0.3 is three quarters to one quarter.
    assert probs(mixed[0])["a"] == pytest.approx(0.75 * 0.9)
    [plain, _] = mixture([[sure, unsure], [unsure, sure]], [1.0, 1.0])
    assert probs(plain)["a"] == pytest.approx(0.5 * 0.9)


def test_a_hopeless_teacher_does_not_divide_by_zero():
    hopeless = (Hypothesis("a", -1e6), Hypothesis("b", -1e6))
    [mixed] = mixture([[hopeless], [hopeless]], [1.0, 1.0], by_confidence=True)
    assert all(math.isfinite(h.log_prob) for h in mixed)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0] * 3])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        mixture([[row(a=1.0)], [row(a=1.0)]], weights)


def test_teachers_that_answered_different_numbers_of_examples_are_refused():
    with pytest.raises(ValueError):
        mixture([[row(a=1.0)], []], [1.0, 1.0])


ANSWERS = [row(कमल=0.6, कमाल=0.3, कमला=0.1)]


def test_reranking_with_weight_0_changes_nothing():
    assert reranked(ANSWERS, [row(कमाल=1.0)], 0.0) == ANSWERS


def test_a_heavy_weight_puts_the_advisers_answer_first_where_it_is_there():
    [ordered] = reranked(ANSWERS, [row(कमाल=1.0)], 1e3)
    assert ordered[0] == Hypothesis("कमाल", math.log(0.3))
    assert {h.text for h in ordered} == {"कमल", "कमाल", "कमला"}


def test_the_advisers_answer_is_not_added_where_it_is_not():
    [ordered] = reranked(ANSWERS, [row(कमालों=1.0)], 1e3)
    assert ordered[0].text == "कमाल"
    assert len(ordered) == 3


def test_a_spelling_costs_its_edit_rate():
    [ordered] = reranked(ANSWERS, [row(कमाल=1.0)], 2.0)
    costs = {h.text: h.log_prob for h in ordered}
    assert costs["कमल"] == pytest.approx(math.log(0.6) - 2.0 * 1 / 4)
    assert costs["कमला"] == pytest.approx(math.log(0.1) - 2.0 * 2 / 4)


def test_only_the_advisers_first_answer_counts():
    advice = [(Hypothesis("कमल", -0.1), Hypothesis("कमाल", -0.2))]
    assert reranked(ANSWERS, advice, 5.0)[0][0].text == "कमल"


def test_a_proposal_takes_its_place_among_the_answers():
    [joined] = with_proposals(ANSWERS, [row(कमाला=1.0)], [math.log(0.2)])
    assert [h.text for h in joined] == ["कमल", "कमाल", "कमाला", "कमला"]
    [first] = with_proposals(ANSWERS, [row(कमाला=1.0)], [-0.1])
    assert first[0] == Hypothesis("कमाला", -0.1)


def test_a_proposal_that_is_there_already_keeps_the_first_teacher_s_score():
    assert with_proposals(ANSWERS, [row(कमाल=1.0)], [-0.01]) == ANSWERS


def test_an_empty_proposal_is_none():
    assert with_proposals(ANSWERS, [(Hypothesis("", 0.0),)], [-0.01]) == ANSWERS


@given(_ROW)
def test_log_weights_of_hypotheses_sum_to_one_and_keep_their_ratios(hypotheses):
    weights = hypothesis_log_weights(hypotheses)
    assert sum(map(math.exp, weights)) == pytest.approx(1.0)
    shifts = [w - h.log_prob for w, h in zip(weights, hypotheses, strict=True)]
    assert max(shifts) - min(shifts) < 1e-9
