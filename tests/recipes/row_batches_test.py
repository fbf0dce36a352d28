"""Batches of sentences follow from seed and step; digests tell texts apart."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import toy_tagging
from toy_tagging import PIECES, SENTENCES

from epik_jax.recipes.row_batches import (
    RowBatchConfig,
    held_out_batches,
    training_batches,
)
from epik_jax.recipes.tagging.corpus import bare
from epik_jax.recipes.tagging.digests import content_digest, sentences_digest

ENCODED = toy_tagging.network().encoded(SENTENCES)
CONFIG = RowBatchConfig(batch_size=3, widths=(16, 32, 64))


def equal(one, other):
    return all(np.array_equal(one[k], other[k]) for k in one)


def test_a_batch_follows_from_seed_and_number():
    stream = training_batches(ENCODED, PIECES.pad_id, CONFIG)
    straight = list(itertools.islice(stream(0), 12))
    for start in (1, 7, 11):
        n, rows, batch = next(stream(start))
        assert n == start and np.array_equal(rows, straight[start][1])
        assert equal(batch, straight[start][2])
    other = dataclasses.replace(CONFIG, seed=1)
    again = itertools.islice(training_batches(ENCODED, PIECES.pad_id, other)(0), 12)
    assert [r.tolist() for _, r, _ in again] != [r.tolist() for _, r, _ in straight]


def test_a_batch_holds_its_rows_in_one_of_the_widths():
    stream = training_batches(ENCODED, PIECES.pad_id, CONFIG)
    for _, rows, batch in itertools.islice(stream(0), 12):
        assert batch["tokens"].shape[0] == 3
        assert batch["tokens"].shape[1] in CONFIG.widths
        for place, row in enumerate(rows):
            real = batch["tokens"][place][batch["token_mask"][place]]
            np.testing.assert_array_equal(real, ENCODED.tokens.row(row))


def test_languages_are_drawn_the_more_alike_the_higher_the_temperature():
    few = [s for s in SENTENCES if s.lang == "hi"][:1]
    some = [s for s in SENTENCES if s.lang == "en"]
    encoded = toy_tagging.network().encoded(few + some)
    shares = []
    for temperature in (1.0, 50.0):
        config = dataclasses.replace(CONFIG, group_temperature=temperature)
        stream = training_batches(encoded, PIECES.pad_id, config)
        drawn = [rows for _, rows, _ in itertools.islice(stream(0), 300)]
        shares.append(np.mean(np.concatenate(drawn) == 0))
    assert shares == pytest.approx([1 / len(encoded), 1 / 2], abs=0.06)


def test_every_held_out_sentence_counts_once():
    count = np.zeros(len(ENCODED))
    for _, rows, batch in held_out_batches(ENCODED, PIECES.pad_id, CONFIG):
        assert len(rows) == len(batch["weight"]) == 3
        np.add.at(count, rows, batch["weight"])
    assert (count == 1).all() and len(ENCODED) % 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": ()}, "not rising numbers from 3 on"),
        ({"widths": (16, 8)}, r"widths \(16, 8\) are not rising"),
        ({"widths": (8, 8)}, "not rising"),
        ({"widths": (2, 8)}, "from 3 on"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"group_temperature": 0.0}, "group_temperature"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        RowBatchConfig(**changes)


def test_a_sentence_that_no_width_holds_is_refused():
    with pytest.raises(ValueError, match="bucket"):
        training_batches(ENCODED, 0, RowBatchConfig(batch_size=2, widths=(8,)))


def changed(**changes):
    first, *others = SENTENCES
    return [dataclasses.replace(first, **changes), *others]


@pytest.mark.parametrize(
    "other",
    [
        SENTENCES[1:],
        [*SENTENCES[1:], SENTENCES[0]],
        changed(words=("Rome", *SENTENCES[0].words[1:])),
        changed(tags=("B-ORG", *SENTENCES[0].tags[1:])),
        changed(example_id="x"),
        changed(lang="hi"),
        [bare(s) for s in SENTENCES],
    ],
    ids=["fewer", "order", "word", "tag", "name", "language", "untagged"],
)
def test_other_sentences_have_another_content_digest(other):
    encoded = toy_tagging.network().encoded
    assert content_digest(encoded(SENTENCES)) == content_digest(ENCODED)
    assert content_digest(encoded(other)) != content_digest(ENCODED)


def test_a_digest_of_sentences_knows_all_that_figures_hang_on():
    known = {
        sentences_digest(found)
        for found in (
            SENTENCES,
            changed(words=("Rome", *SENTENCES[0].words[1:])),
            changed(tags=("B-ORG", *SENTENCES[0].tags[1:])),
            changed(example_id="x"),
            changed(lang="xx"),
            changed(label="PER"),
            changed(words=(*SENTENCES[0].words, *SENTENCES[0].tags), tags=()),
        )
    }
    assert len(known) == 7
    assert sentences_digest(iter(SENTENCES)) in known
