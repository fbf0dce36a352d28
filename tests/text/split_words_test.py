"""Running text is cut into words as sets of tagged sentences have them."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.text.wordpiece import split_words


def words(text):
    return [word for word, _, _ in split_words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Coca-Cola", ["Coca-Cola"]),
        ("O'Neill slept.", ["O'Neill", "slept", "."]),
        ("U.S.A,", ["U.S.A", ","]),
        ("(“Ada”)", ["(", "“", "Ada", "”", ")"]),
        ("Ada's", ["Ada", "'s"]),
        ("Ada\N{RIGHT SINGLE QUOTATION MARK}s,", ["Ada", "’s", ","]),
        ("the dogs' bone", ["the", "dogs", "'", "bone"]),
        ("'s", ["'", "s"]),
        ("...", [".", ".", "."]),
        ("!", ["!"]),
        ("पुणे में।", ["पुणे", "में", "।"]),
        ("क\u200dम 3.5", ["क\u200dम", "3.5"]),
        ("$5 C++", ["$", "5", "C", "+", "+"]),
        ("New\u00a0York\tis", ["New", "York", "is"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_signs_at_the_ends_are_words_and_those_within_belong_to_theirs(text, expected):
    assert words(text) == expected


ALPHABET = "aé's" + string.punctuation + "।’“ \t\u00a0\u3000मु"


@given(st.text(alphabet=ALPHABET, max_size=30))
@settings(max_examples=300, deadline=None)
def test_words_are_the_text_without_its_spaces_in_their_places(text):
    found = split_words(text)
    assert "".join(words(text)) == "".join(text.split())
    assert all(text[start:end] == word for word, start, end in found)
    ends = [0, *(end for _, _, end in found)]
    for before, (_, start, end) in zip(ends[:-1], found, strict=True):
        assert before <= start < end
