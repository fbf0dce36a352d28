"""Words become pieces and rows, and every word finds its way back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from epik_jax.data.encode_sentences import (
    cut_sentences,
    encode_sentences,
    rejoined,
)
from epik_jax.structs import Sentence
from epik_jax.text.wordpiece import SPECIALS, WordPieces

LABELS = ("O", "B-LOC", "I-LOC")
PIECES = WordPieces([*SPECIALS, "a", "##a", "b", "c"])
PAD, UNK, FIRST, LAST = range(4)


def sentence(name, words, tags="", lang="en"):
    tags = tuple(LABELS[int(i)] for i in tags)
    return Sentence(name, tuple(words.split()), lang, tags)


def encoded_as(sentences, max_length=16):
    return encode_sentences(sentences, PIECES, LABELS, max_length)


def rows(encoded, field):
    found = getattr(encoded, field)
    return [found.row(i).tolist() for i in range(len(encoded))]


def test_labels_stand_where_words_begin():
    encoded = encoded_as([sentence("x", "aa b", "12"), sentence("y", "c", "0", "de")])
    assert rows(encoded, "tokens") == [[FIRST, 4, 5, 6, LAST], [FIRST, 7, LAST]]
    assert rows(encoded, "firsts") == [[0, 1, 0, 1, 0], [0, 1, 0]]
    assert rows(encoded, "labels") == [[0, 1, 0, 2, 0], [0, 0, 0]]
    assert encoded.groups == ("de", "en") and encoded.group.tolist() == [1, 0]


@pytest.mark.parametrize("max_length", [3, 4, 5, 6, 8, 40])
def test_sentences_are_cut_between_words_as_late_as_they_can_be(max_length):
    rng = np.random.default_rng(max_length)
    sentences = [
        sentence(
            f"s{i}",
            " ".join(rng.choice(["a", "aa", "aaa", "b"], n)),
            "".join(rng.choice(list("012"), n)),
        )
        for i, n in enumerate([1, 2, 7, 20, 1])
    ]
    cut = cut_sentences(sentences, PIECES, max_length)
    assert len({s.example_id for s in cut}) == len(cut)
    assert rejoined([s.words for s in cut], sentences) == [s.words for s in sentences]
    assert rejoined([s.tags for s in cut], sentences) == [s.tags for s in sentences]
    room = max_length - 2
    sizes = [[min(len(word), room) for word in s.words] for s in cut]
    assert max(map(sum, sizes)) <= room
    for (one, here), (other, there) in itertools.pairwise(zip(cut, sizes, strict=True)):
        if one.example_id.split("/")[0] == other.example_id.split("/")[0]:
            assert sum(here) + there[0] > room
    assert encoded_as(cut, max_length).tokens.lengths.max() <= max_length


def test_what_fits_is_left_as_it_is():
    sentences = [sentence("x", "aa b", "12"), sentence("y", "c")]
    assert cut_sentences(sentences, PIECES, 5) == sentences


def test_a_word_longer_than_a_row_keeps_its_first_pieces():
    cut = cut_sentences([sentence("x", "b aaaaaa c", "012")], PIECES, 5)
    encoded = encoded_as(cut, 5)
    assert rows(encoded, "tokens") == [
        [FIRST, 6, LAST],
        [FIRST, 4, 5, 5, LAST],
        [FIRST, 7, LAST],
    ]
    assert rows(encoded, "labels") == [[0, 0, 0], [0, 1, 0, 0, 0], [0, 2, 0]]


def test_keys_follow_the_sentence_and_digests_the_pieces():
    one, other = encoded_as([sentence("x", "a b")]), encoded_as([sentence("x", "a c")])
    assert one.keys == other.keys and one.source_digest != other.source_digest


def test_a_batch_is_padded_to_its_width():
    encoded = encoded_as([sentence("x", "aa b", "12"), sentence("y", "c", "2")])
    batch = encoded.batch(np.array([1, 0]), 6, PAD)
    assert batch["tokens"].tolist() == [
        [FIRST, 7, LAST, PAD, PAD, PAD],
        [FIRST, 4, 5, 6, LAST, PAD],
    ]
    assert batch["token_mask"].sum(axis=1).tolist() == [3, 5]
    assert batch["labels"][batch["label_mask"]].tolist() == [2, 1, 2]
    with pytest.raises(ValueError, match="does not fit"):
        encoded.batch(np.array([0]), 4, PAD)


def test_unknown_tags_and_what_does_not_fit_are_refused():
    odd = Sentence("x", ("a",), "en", ("B-PER",))
    with pytest.raises(ValueError, match="sentence x: tag 'B-PER' is none of"):
        encoded_as([odd])
    with pytest.raises(ValueError, match="sentence y has 3 pieces, 2 fit"):
        encoded_as([sentence("x", "a"), sentence("y", "a b c")], 4)
    for call in (cut_sentences, encode_sentences):
        names = () if call is cut_sentences else (LABELS,)
        with pytest.raises(ValueError, match="max_length 2 leaves no room"):
            call([sentence("x", "a")], PIECES, *names, 2)
