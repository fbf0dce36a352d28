"""Two texts stand in one row as BERT reads them, and none of them vanishes."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
import tokenizers
from hypothesis import strategies as st
from tokenizers import processors

from epik_jax.data.encode_text_pairs import (
    encode_text_pairs,
    fitting,
)
from epik_jax.structs import TextPair
from epik_jax.text.wordpiece import SPECIALS, WordPieces

PIECES = WordPieces([*SPECIALS, *"abcdefgh", *(f"##{x}" for x in "abcdefgh"), "?"])
PAIRS = [
    TextPair("1", "a b ?", "abc d", "yes"),
    TextPair("2", "a", "b c d e f g h a b c", ""),
    TextPair("3", "a b c d e f g", "h", "no"),
]


def encoded(max_length=32, pairs=PAIRS):
    return encode_text_pairs(pairs, PIECES, ("no", "yes"), max_length)


@pytest.mark.parametrize("max_length", [32, 10, 7, 5])
def test_rows_are_those_that_the_library_makes_of_two_texts(max_length):
    oracle = tokenizers.Tokenizer.from_str(PIECES._tokenizer.to_str())
    oracle.post_processor = processors.BertProcessing(
        ("[SEP]", PIECES.last_id), ("[CLS]", PIECES.first_id)
    )
    oracle.enable_truncation(max_length, strategy="longest_first")
    found = encoded(max_length)
    for row, pair in enumerate(PAIRS):
        theirs = oracle.encode(pair.text_a, pair.text_b)
        assert found.tokens.row(row).tolist() == theirs.ids
        assert found.types.row(row).tolist() == theirs.type_ids


@hypothesis.given(
    *(st.lists(st.integers(0, 40), min_size=n, max_size=n) for n in (6, 6)),
    st.integers(2, 50),
)
def test_no_more_is_cut_than_must_be_and_the_longer_text_first(a, b, room):
    a, b = np.array(a), np.array(b)
    kept_a, kept_b = fitting(a, b, room)
    assert (kept_a + kept_b == np.minimum(a + b, room)).all()
    cut_a, cut_b = kept_a < a, kept_b < b
    assert (kept_a[cut_a] >= kept_b[cut_a]).all()
    assert (kept_b[cut_b] >= kept_a[cut_b] - 1).all()


def test_a_pair_whose_end_is_left_out_says_so():
    assert encoded(32).cut.tolist() == [False] * 3
    lengths = encoded(32).tokens.lengths
    assert encoded(10).cut.tolist() == (lengths > 10).tolist()
    assert encoded(10).take(np.array([1])).cut.tolist() == [True]


def test_a_batch_is_padded_and_says_what_is_labelled():
    batch = encoded().batch(np.array([1, 0]), 16, PIECES.pad_id)
    assert batch["tokens"].shape == batch["types"].shape == (2, 16)
    assert batch["labels"].tolist() == [0, 1]
    assert batch["label_mask"].tolist() == [False, True]
    assert batch["token_mask"].sum(axis=1).tolist() == [14, 10]
    assert batch["types"].sum(axis=1).tolist() == [11, 5]


def test_rows_are_known_by_name_and_by_what_the_network_reads():
    longer, shorter = encoded(32), encoded(10)
    assert (longer.keys == shorter.keys).all()
    same = longer.source_digest == shorter.source_digest
    assert same.tolist() == [True, False, False]
    taken = longer.take(np.array([2, 0]))
    assert taken.keys.tolist() == longer.keys[[2, 0]].tolist()
    assert taken.types.row(1).tolist() == longer.types.row(0).tolist()
    assert taken.labels.tolist() == [0, 1] and taken.labelled.all()


def test_an_unknown_label_and_no_room_are_refused():
    with pytest.raises(ValueError, match="'maybe' is none of"):
        encoded(pairs=[TextPair("x", "a", "b", "maybe")])
    with pytest.raises(ValueError, match="no room for two texts"):
        encoded(4)
