"""Entities are counted as seqeval counts them in strict mode, and can be resampled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval import metrics
from seqeval.scheme import IOB2

from epik_jax.evaluation import bootstrap
from epik_jax.evaluation.entities import entity_scores

TAG = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
PAIR = st.lists(st.tuples(TAG, TAG), min_size=1, max_size=8)

ORACLES = {
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
}


@given(st.lists(PAIR, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_figures_are_those_of_seqeval(rows):
    there = [[a for a, _ in row] for row in rows]
    written = [[b for _, b in row] for row in rows]
    found = entity_scores(there, written)
    for name, oracle in ORACLES.items():
        wanted = oracle(there, written, mode="strict", scheme=IOB2, zero_division=0)
        assert found.value(name) == pytest.approx(wanted)


def test_an_entity_is_right_as_a_whole_or_not_at_all():
    there = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-PER"]]
    written = [["B-PER", "O", "O", "B-LOC"], ["B-LOC", "B-PER"]]
    found = entity_scores(there, written)
    assert found.types == ("LOC", "PER")
    assert found.right.tolist() == [[1, 0], [0, 1]]
    assert found.written.tolist() == [[1, 1], [1, 1]]
    assert found.there.tolist() == [[1, 1], [0, 1]]
    assert found.value("f1") == pytest.approx(2 * 2 / (4 + 3))
    assert found.value("precision", "LOC") == 0.5
    assert found.value("recall", "PER") == 0.5


def test_what_does_not_begin_with_b_is_no_entity():
    found = entity_scores([["B-PER", "O"]], [["I-PER", "O"]])
    assert found.written.sum() == 0 and found.value("f1") == 0.0


def test_nothing_there_and_nothing_written_has_no_figure_but_zero():
    assert entity_scores([["O"]], [["O"]]).value("f1") == 0.0


def test_an_interval_holds_the_figure_and_a_perfect_system_has_no_doubt():
    rng = np.random.default_rng(0)
    there = [["B-PER", "O"] for _ in range(200)]
    written = [["B-PER" if x else "O", "O"] for x in rng.random(200) < 0.7]
    found = entity_scores(there, written).ratio("f1")
    interval = bootstrap.interval(found, ["en"] * 200, num_resamples=200)
    assert interval.low < interval.value < interval.high
    same = entity_scores(there, there).ratio("f1")
    sure = bootstrap.interval(same, ["en"] * 200, num_resamples=200)
    assert (sure.low, sure.high) == (1.0, 1.0)


def test_unequal_numbers_are_refused():
    with pytest.raises(ValueError, match="2 sentences against 1"):
        entity_scores([["O"], ["O"]], [["O"]])
    with pytest.raises(ValueError, match="sentence 1: 2 tags against 1"):
        entity_scores([["O"], ["O", "O"]], [["O"], ["O"]])
