"""Words become pieces and rows, and every word finds its way back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from epik_jax.data.encode_sentences import encode_sentences, make_sentence_batch
from epik_jax.structs import Sentence
from epik_jax.text.wordpiece import SPECIALS, WordPieces

LABELS = ("O", "B-LOC", "I-LOC")
PIECES = WordPieces([*SPECIALS, "a", "##a", "b", "c"])
PAD, UNK, FIRST, LAST = range(4)


def sentence(name, words, tags="", lang="en"):
    tags = tuple(LABELS[int(i)] for i in tags)
    return Sentence(name, tuple(words.split()), lang, tags)


def rows(encoded, field):
    found = getattr(encoded, field)
    return [found.row(i).tolist() for i in range(len(encoded))]


def test_labels_stand_where_words_begin():
    encoded = encode_sentences(
        [sentence("x", "aa b", "12"), sentence("y", "c", "0", "de")], PIECES, LABELS, 16
    )
    assert rows(encoded, "tokens") == [[FIRST, 4, 5, 6, LAST], [FIRST, 7, LAST]]
    assert rows(encoded, "firsts") == [[0, 1, 0, 1, 0], [0, 1, 0]]
    assert rows(encoded, "labels") == [[0, 1, 0, 2, 0], [0, 0, 0]]
    assert encoded.groups == ("de", "en") and encoded.group.tolist() == [1, 0]


@pytest.mark.parametrize("max_length", [3, 4, 5, 6, 8, 40])
def test_long_sentences_are_cut_between_words_and_none_is_lost(max_length):
    rng = np.random.default_rng(max_length)
    sentences = [
        sentence(
            f"s{i}",
            " ".join(rng.choice(["a", "aa", "aaa", "b"], n)),
            "".join(rng.choice(list("012"), n)),
        )
        for i, n in enumerate([1, 2, 7, 20, 1])
    ]
    encoded = encode_sentences(sentences, PIECES, LABELS, max_length)
    assert encoded.tokens.lengths.max() <= max_length
    whole = encode_sentences(sentences, PIECES, LABELS, 100)
    for i, _ in enumerate(sentences):
        mine = encoded.sentence == i
        begins = np.concatenate([encoded.firsts.row(r) for r in np.flatnonzero(mine)])
        labels = np.concatenate([encoded.labels.row(r) for r in np.flatnonzero(mine)])
        wanted = whole.labels.row(i)[whole.firsts.row(i) == 1]
        np.testing.assert_array_equal(labels[begins == 1], wanted)
        # No row could have held the first word of the next one.
        held = [encoded.tokens.row(r)[1:-1] for r in np.flatnonzero(mine)]
        if max_length > 4:
            np.testing.assert_array_equal(
                np.concatenate(held), whole.tokens.row(i)[1:-1]
            )
        for row, after in itertools.pairwise(held):
            word = 1 + next((j for j, t in enumerate(after[1:]) if t != 5), len(after))
            assert len(row) + min(word, len(after)) > max_length - 2
    assert len(set(encoded.keys.tolist())) == len(encoded)


def test_a_word_longer_than_a_row_keeps_its_first_pieces():
    encoded = encode_sentences([sentence("x", "b aaaaaa c", "012")], PIECES, LABELS, 5)
    assert rows(encoded, "tokens") == [
        [FIRST, 6, LAST],
        [FIRST, 4, 5, 5, LAST],
        [FIRST, 7, LAST],
    ]
    assert rows(encoded, "labels") == [[0, 0, 0], [0, 1, 0, 0, 0], [0, 2, 0]]


def test_keys_follow_the_sentence_and_digests_the_pieces():
    one = encode_sentences([sentence("x", "a b")], PIECES, LABELS, 16)
    other = encode_sentences([sentence("x", "a c")], PIECES, LABELS, 16)
    assert one.keys == other.keys and one.source_digest != other.source_digest


def test_a_batch_is_padded_to_its_width():
    encoded = encode_sentences(
        [sentence("x", "aa b", "12"), sentence("y", "c", "2")], PIECES, LABELS, 16
    )
    batch = make_sentence_batch(encoded, np.array([1, 0]), 6, PAD)
    assert batch["tokens"].tolist() == [
        [FIRST, 7, LAST, PAD, PAD, PAD],
        [FIRST, 4, 5, 6, LAST, PAD],
    ]
    assert batch["token_mask"].sum(axis=1).tolist() == [3, 5]
    assert batch["labels"][batch["label_mask"]].tolist() == [2, 1, 2]
    with pytest.raises(ValueError, match="does not fit"):
        make_sentence_batch(encoded, np.array([0]), 4, PAD)


def test_unknown_tags_and_no_room_are_refused():
    odd = Sentence("x", ("a",), "en", ("B-PER",))
    with pytest.raises(ValueError, match="sentence x: tag 'B-PER' is none of"):
        encode_sentences([odd], PIECES, LABELS, 16)
    with pytest.raises(ValueError, match="max_length 2 leaves no room"):
        encode_sentences([sentence("x", "a")], PIECES, LABELS, 2)
