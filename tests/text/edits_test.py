"""Edit distance against a table filled in by hand-written recurrence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epik_jax.text.edits import edit_rate, num_edits

_LETTERS = st.text("aaकिಕ", max_size=7)


def by_recurrence(left, right):
    """Wagner and Fischer's table, row by row."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row = row, [i]
        for j, b in enumerate(right, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
    return row[-1]


@given(_LETTERS, _LETTERS)
def test_the_number_of_edits_equals_the_recurrence(left, right):
    assert num_edits(left, right) == by_recurrence(left, right)


@given(_LETTERS, _LETTERS)
def test_the_rate_is_edits_per_letter_of_the_longer_text(left, right):
    longer = max(len(left), len(right), 1)
    assert edit_rate(left, right) == pytest.approx(by_recurrence(left, right) / longer)


def test_a_code_point_counts_once_whatever_its_bytes():
    # A vowel sign is an edit of its own; bytes or UTF-16 units would count more.
    assert num_edits("कि", "क") == 1
    assert edit_rate("கா", "கி") == 0.5


def test_tokens_are_compared_whole():
    assert num_edits(["ka", "ki"], ["ka", "ku"]) == 1
    assert num_edits(["abc"], ["abd", "x"]) == 2
