"""Rows of unequal length against plain lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.ragged import Ragged

ROWS = [[5, 6, 7], [], [8], [9, 10]]

some_rows = st.lists(st.lists(st.integers(-9, 9), max_size=4), max_size=6)


@settings(max_examples=50, deadline=None)
@given(rows=some_rows, data=st.data())
def test_take_and_padded_equal_the_same_on_lists(rows, data):
    ragged = Ragged.of(rows)
    places = st.lists(st.integers(0, max(len(rows) - 1, 0)), max_size=6)
    picked = data.draw(places) if rows else []
    chosen = np.array(picked, np.int64)
    taken = ragged.take(chosen)
    assert [taken.row(i).tolist() for i in range(len(taken))] == [
        rows[i] for i in picked
    ]
    padded, mask = ragged.padded(chosen, 4, -1)
    assert padded.tolist() == [(rows[i] + [-1] * 4)[:4] for i in picked]
    assert mask.sum(axis=1).tolist() == [len(rows[i]) for i in picked]


def test_lengths_and_rows_are_those_packed():
    ragged = Ragged.of(ROWS)
    assert len(ragged) == 4 and ragged.lengths.tolist() == [3, 0, 1, 2]
    assert [ragged.row(i).tolist() for i in range(4)] == ROWS
    assert ragged.values.dtype == np.int32


def test_padded_keeps_trailing_axes_and_dtype():
    values = np.arange(12, dtype=np.float16).reshape(6, 2)
    ragged = Ragged.from_lengths(values, np.array([2, 0, 4]))
    padded, mask = ragged.padded(np.array([2, 1]), 5, 0.0)
    assert padded.dtype == np.float16 and padded.shape == (2, 5, 2)
    np.testing.assert_array_equal(padded[0, :4], values[2:])
    assert mask.tolist() == [[True] * 4 + [False], [False] * 5]


def test_a_row_too_long_for_the_width_is_refused_not_cut():
    with pytest.raises(ValueError, match="a row of 3 does not fit a width of 2"):
        Ragged.of(ROWS).padded(np.array([1, 0]), 2, 0)


def test_lengths_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="sum to 5, values hold 6"):
        Ragged.from_lengths(np.arange(6), np.array([2, 3]))


def test_no_rows_make_an_empty_batch():
    padded, mask = Ragged.of([]).padded(np.zeros(0, np.int64), 3, 0)
    assert padded.shape == mask.shape == (0, 3)
