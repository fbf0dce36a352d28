"""Batches by step, and the digest of what they are made of."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from toy_networks import VOCABULARY

from epik_jax.data.encode import encode
from epik_jax.recipes.transliteration.streams import (
    BatchConfig,
    content_digest,
    examples_digest,
    make_order,
    supervised_batches,
)
from epik_jax.structs import Example

EXAMPLES = [
    Example(f"en>hi:{'ka' * n}", "ka" * n, "en", "hi", ("क" * n,)) for n in range(1, 9)
] + [Example(f"ta>en:{'க' * n}", "க" * n, "ta", "en", ("k" * n,)) for n in range(1, 5)]
CONFIG = BatchConfig(batch_size=3, buckets=((8, 8), (20, 20)), seed=4)


@pytest.fixture(scope="module")
def encoded():
    return encode(EXAMPLES, VOCABULARY)


def test_every_batch_has_the_shape_of_a_bucket_and_the_rows_of_the_order(encoded):
    order = make_order(encoded, CONFIG)
    stream = supervised_batches(encoded, VOCABULARY, CONFIG)(0)
    widths = set()
    for n, batch in enumerate(itertools.islice(stream, 8)):
        rows, shape = order.rows(n)
        assert batch["source"].shape == (3, shape[0])
        assert batch["labels"].shape == (3, shape[1])
        np.testing.assert_array_equal(batch["target_lang"], encoded.target_lang[rows])
        lengths = batch["source_mask"].sum(axis=1)
        np.testing.assert_array_equal(lengths, encoded.source.lengths[rows])
        widths.add(shape)
    assert widths == set(CONFIG.buckets)


def test_a_stream_can_begin_at_any_step(encoded):
    stream = supervised_batches(encoded, VOCABULARY, CONFIG)
    through = list(itertools.islice(stream(0), 9))
    for n, batch in zip(range(5, 9), stream(5), strict=False):
        for name, array in batch.items():
            np.testing.assert_array_equal(array, through[n][name])


def test_every_example_is_seen_once_an_epoch(encoded):
    stream = supervised_batches(encoded, VOCABULARY, CONFIG)(0)
    seen = [
        tuple(row[row != VOCABULARY.pad_id])
        for batch in itertools.islice(stream, len(EXAMPLES) // 3)
        for row in batch["source"]
    ]
    assert sorted(seen) == sorted(tuple(encoded.source.row(i)) for i in range(12))


@pytest.mark.parametrize(
    "change",
    [
        {"source": "kb"},
        {"targets": ("ख",)},
        {"weight": 0.5},
        {"target_lang": "bn", "targets": ("ক",)},
        {"example_id": "another"},
    ],
    ids=str,
)
def test_the_digest_changes_with_anything_that_is_trained_on(encoded, change):
    changed = [dataclasses.replace(EXAMPLES[0], **change), *EXAMPLES[1:]]
    assert content_digest(encode(changed, VOCABULARY)) != content_digest(encoded)


def test_the_digest_changes_with_the_order(encoded):
    turned = encode(EXAMPLES[::-1], VOCABULARY)
    assert content_digest(turned) != content_digest(encoded)


def test_the_digest_leaves_out_what_is_not_trained_on(encoded):
    changed = [dataclasses.replace(e, origin="elsewhere") for e in EXAMPLES]
    assert content_digest(encode(changed, VOCABULARY)) == content_digest(encoded)


def test_a_digest_of_examples_knows_what_is_asked_and_accepted():
    digest = examples_digest(EXAMPLES)
    assert digest == examples_digest(iter(EXAMPLES))
    more = [dataclasses.replace(EXAMPLES[0], targets=("?", "!")), *EXAMPLES[1:]]
    for other in (EXAMPLES[1:], EXAMPLES[::-1], more):
        assert examples_digest(other) != digest
