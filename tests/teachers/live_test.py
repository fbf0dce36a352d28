"""Signals asked for batch by batch are those of the teacher, joined by key."""

from __future__ import annotations

import numpy as np
import pytest
from toy_teacher import EXAMPLES, teacher

from epik_jax.teachers.live import LiveSignals


def test_live_signals_come_in_the_order_that_they_are_asked_for():
    answering = teacher()
    live, block = LiveSignals(answering, EXAMPLES), answering.block(EXAMPLES)
    order = np.array([2, 0, 2])
    joined = live.join(block.keys[order], block.digests[order], ("hidden", "scores"))
    assert set(joined) == {"hidden", "scores"}
    for place, row in enumerate(order):
        np.testing.assert_array_equal(
            joined["hidden"].row(place), block.arrays["hidden"].row(row)
        )


def test_live_signals_refuse_what_was_encoded_otherwise():
    answering = teacher()
    live, block = LiveSignals(answering, EXAMPLES), answering.block(EXAMPLES)
    with pytest.raises(ValueError, match="encoded differently"):
        live.join(block.keys, block.digests[::-1], ("scores",))


def test_live_signals_refuse_an_example_that_they_were_not_told_of():
    answering = teacher()
    block = answering.block(EXAMPLES)
    live = LiveSignals(answering, EXAMPLES[:2])
    with pytest.raises(ValueError, match="no example of key 0x"):
        live.join(block.keys, block.digests, ("scores",))
