"""Claims about encoded corpora and the batches cut out of them."""

from __future__ import annotations

import dataclasses
import hashlib
import struct

import numpy as np
import pytest

from epik_jax.data.encode import encode, make_batch
from epik_jax.structs import Example
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import CharacterVocabulary

VOCAB = CharacterVocabulary.from_languages(LANGUAGES)
EXAMPLES = [
    Example("hi>en:कल", "कल", "hi", "en", ("kal", "kall")),
    Example("en>hi:kal", "kal", "en", "hi", ("कल",), weight=0.25),
    Example("hi>bn:कल|kal", "कल", "hi", "bn", ()),
    Example("ta>en:தமிழ்", "தமிழ்", "ta", "en", ("tamil",)),
]
ENCODED = encode(EXAMPLES, VOCAB)


def first_eight(content: bytes) -> int:
    return struct.unpack("<Q", hashlib.sha256(content).digest()[:8])[0]


def test_keys_are_the_first_eight_bytes_of_the_ids_sha256() -> None:
    assert ENCODED.keys.dtype == np.uint64
    assert ENCODED.keys.tolist() == [
        first_eight(e.example_id.encode()) for e in EXAMPLES
    ]


def test_rows_are_tag_tokens_end_and_tokens_end() -> None:
    for index, example in enumerate(EXAMPLES):
        source = ENCODED.source.row(index).tolist()
        assert source[0] == VOCAB.tag_id(example.target_lang)
        assert source[-1] == VOCAB.eos_id
        assert VOCAB.decode(source[1:]) == example.source
        target = ENCODED.target.row(index).tolist()
        if example.targets:
            assert target[-1] == VOCAB.eos_id
            assert VOCAB.decode(target) == example.targets[0]
        else:
            assert target == []


def test_source_digests_are_of_the_tokens() -> None:
    assert ENCODED.source_digest.tolist() == [
        first_eight(struct.pack(f"<{len(row)}i", *row))
        for row in (ENCODED.source.row(i).tolist() for i in range(len(EXAMPLES)))
    ]
    # The same word into another language is another question.
    assert len(set(ENCODED.source_digest.tolist())) == len(EXAMPLES)


def test_encoding_commutes_with_reordering() -> None:
    swapped = encode(EXAMPLES[::-1], VOCAB)
    assert swapped.groups == ENCODED.groups == ("en>hi", "hi>bn", "hi>en", "ta>en")
    for field in ("keys", "source_digest", "target_lang", "group", "weight"):
        np.testing.assert_array_equal(
            getattr(swapped, field)[::-1], getattr(ENCODED, field)
        )


def test_groups_languages_and_weights_belong_to_their_examples() -> None:
    for index, example in enumerate(EXAMPLES):
        pair = f"{example.source_lang}>{example.target_lang}"
        assert ENCODED.groups[ENCODED.group[index]] == pair
        assert LANGUAGES[ENCODED.target_lang[index]] == example.target_lang
        assert ENCODED.weight[index] == example.weight


def test_a_batch_equals_one_built_row_by_row() -> None:
    rows, width_S, width_T = np.array([3, 1, 3, 0]), 9, 7
    batch = make_batch(ENCODED, rows, width_S, width_T, VOCAB)
    for place, row in enumerate(rows):
        source = ENCODED.source.row(row).tolist()
        labels = ENCODED.target.row(row).tolist()
        shifted = [VOCAB.bos_id, *labels[:-1]]
        for name, tokens, width in [
            ("source", source, width_S),
            ("labels", labels, width_T),
            ("target_in", shifted, width_T),
        ]:
            padded = tokens + [VOCAB.pad_id] * (width - len(tokens))
            assert batch[name][place].tolist() == padded, name
        assert batch["source_mask"][place].sum() == len(source)
        assert batch["label_mask"][place].sum() == len(labels)
        assert batch["target_lang"][place] == ENCODED.target_lang[row]
        assert batch["weight"][place] == ENCODED.weight[row]


def test_a_batch_has_the_promised_types() -> None:
    batch = make_batch(ENCODED, np.array([0, 1]), 9, 7, VOCAB)
    assert {name: (array.dtype.name, array.shape) for name, array in batch.items()} == {
        "source": ("int32", (2, 9)),
        "source_mask": ("bool", (2, 9)),
        "target_in": ("int32", (2, 7)),
        "labels": ("int32", (2, 7)),
        "label_mask": ("bool", (2, 7)),
        "target_lang": ("int32", (2,)),
        "weight": ("float32", (2,)),
    }


def test_a_row_without_target_still_starts_with_the_begin_token() -> None:
    batch = make_batch(ENCODED, np.array([2]), 9, 4, VOCAB)
    assert not batch["label_mask"].any()
    assert batch["target_in"].tolist() == [[VOCAB.bos_id] + [VOCAB.pad_id] * 3]


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit a width of 4"):
        make_batch(ENCODED, np.array([3]), 4, 9, VOCAB)


def test_an_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="xx"):
        encode([dataclasses.replace(EXAMPLES[0], source_lang="xx")], VOCAB)


def test_no_examples_encode_to_no_rows() -> None:
    nothing = encode([], VOCAB)
    assert len(nothing) == len(nothing.source) == len(nothing.target) == 0
