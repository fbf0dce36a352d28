"""Signals asked for batch by batch are those of the teacher, joined by key."""

from __future__ import annotations

import numpy as np
import pytest
from toy_networks import VOCABULARY, ToyNetwork
from toy_teacher import EXAMPLES, teacher, texts

from epik_jax.ragged import Ragged
from epik_jax.teachers.live import LiveSignals
from epik_jax.text.vocabulary import encode_sources, encode_targets

LARGE = ("log_probs", "hidden")


def test_live_signals_come_in_the_order_that_they_are_asked_for():
    answering = teacher()
    block = answering.block(EXAMPLES)
    live = LiveSignals(answering, EXAMPLES, block.arrays)
    order = np.array([2, 0, 2])
    joined = live.join(block.keys[order], block.digests[order], LARGE)
    assert set(joined) == set(LARGE)
    for place, row in enumerate(order):
        for name in LARGE:
            np.testing.assert_array_equal(
                joined[name].row(place), block.arrays[name].row(row)
            )


def test_live_distributions_follow_the_spelling_that_is_known_not_one_found_anew():
    answering = teacher()
    block = answering.block(EXAMPLES)
    known = [row[-1] for row in texts(block)]
    assert known != [row[0] for row in texts(block)]
    best = encode_targets(VOCABULARY, known)
    answers = {
        "tokens": best,
        "token_lengths": Ragged.of([[n] for n in best.lengths], "int16"),
    }
    live = LiveSignals(answering, EXAMPLES, answers)
    joined = live.join(block.keys, block.digests, LARGE)
    pivots = [row[0].text for row in answering.chain.pivots(EXAMPLES)]
    sources = encode_sources(VOCABULARY, pivots, [e.target_lang for e in EXAMPLES])
    expected = ToyNetwork("2").log_probs(sources, best)
    np.testing.assert_array_equal(joined["log_probs"].values, expected.values)
    np.testing.assert_array_equal(joined["log_probs"].lengths, best.lengths)
    asked = answering.chain.links[-1].network.asked
    assert len(asked) == len(EXAMPLES)  # By the block alone, of which the others are.


def test_live_signals_refuse_what_was_encoded_otherwise():
    answering = teacher()
    block = answering.block(EXAMPLES)
    live = LiveSignals(answering, EXAMPLES, block.arrays)
    with pytest.raises(ValueError, match="encoded differently"):
        live.join(block.keys, block.digests[::-1], LARGE)


def test_live_signals_refuse_an_example_that_they_were_not_told_of():
    answering = teacher()
    block = answering.block(EXAMPLES)
    few = answering.block(EXAMPLES[:2]).arrays
    live = LiveSignals(answering, EXAMPLES[:2], few)
    with pytest.raises(ValueError, match="no example of key 0x"):
        live.join(block.keys, block.digests, LARGE)
