"""What a chain says as arrays, against the same worked out word by word."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from toy_networks import VOCABULARY, WIDTH, ToyNetwork
from toy_teacher import EXAMPLES, teacher, texts

from epik_jax.ragged import Ragged
from epik_jax.structs import Hypothesis
from epik_jax.teacher_cache.schema import Nested, Schema
from epik_jax.teachers import signals
from epik_jax.teachers.advice import CrowdConfig
from epik_jax.teachers.chain import Chain
from epik_jax.teachers.crowd import mixture
from epik_jax.teachers.signals import Wanted
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import (
    CharacterVocabulary,
    encode_sources,
    encode_targets,
)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(num, log_probs, hidden, storage)
        for num, log_probs, hidden, storage in itertools.product(
            (1, 3), (False, True), ("none", "pooled", "all"), ("exact", "int8")
        )
    ],
    ids=str,
)
def test_a_block_is_what_the_schema_says(wanted):
    answering = teacher(wanted)
    block = answering.block(EXAMPLES)
    record = answering.schema.encode(block)
    assert record["keys"] == block.keys.tobytes()
    assert Schema.from_json(answering.schema.to_json()) == answering.schema
    assert {f.name for f in answering.schema.fields} == set(block.arrays)


def test_spellings_are_the_chain_s_with_their_scores_best_first():
    answering = teacher()
    block = answering.block(EXAMPLES)
    expected = answering.chain.transliterate(EXAMPLES)
    assert texts(block) == [[h.text for h in row] for row in expected]
    np.testing.assert_allclose(
        block.arrays["scores"].values,
        [h.log_prob for row in expected for h in row],
        rtol=1e-6,
    )
    for i in range(len(EXAMPLES)):
        scores = block.arrays["scores"].row(i)
        assert (np.diff(scores) <= 0).all()
    Nested(block.arrays["tokens"], block.arrays["token_lengths"])


def second_chain():
    """A chain of other toys, asked as the first is."""
    first, last = teacher().chain.links
    links = (
        dataclasses.replace(link, network=ToyNetwork(salt))
        for link, salt in ((first, "3"), (last, "4"))
    )
    return Chain(tuple(links))


def test_of_several_chains_the_answers_are_mixed_and_distributions_averaged():
    one, other = teacher(), second_chain()
    both = dataclasses.replace(one, others=(other,))
    expected = mixture(
        [chain.transliterate(EXAMPLES) for chain in (one.chain, other)], [1.0, 1.0]
    )
    block = both.block(EXAMPLES)
    assert texts(block) == [[h.text for h in row[:3]] for row in expected]
    assert texts(block) != texts(one.block(EXAMPLES))
    best = encode_targets(VOCABULARY, [row[0].text for row in expected])
    alone = [
        np.exp(
            dataclasses.replace(one, chain=chain)
            .along(EXAMPLES, best)
            .arrays["log_probs"]
            .values.astype(np.float32)
        )
        for chain in (one.chain, other)
    ]
    found = np.exp(block.arrays["log_probs"].values.astype(np.float32))
    np.testing.assert_allclose(found, np.mean(alone, axis=0), atol=2e-3)
    np.testing.assert_array_equal(
        block.arrays["hidden"].values, one.along(EXAMPLES, best).arrays["hidden"].values
    )


def test_no_more_spellings_are_kept_than_wanted():
    block = teacher(Wanted(2)).block(EXAMPLES)
    assert [len(row) for row in texts(block)] == [2, 2, 2]
    assert texts(block) == [row[:2] for row in texts(teacher().block(EXAMPLES))]


def test_every_spelling_ends_with_the_end_token():
    block = teacher().block(EXAMPLES)
    ends = np.cumsum(block.arrays["token_lengths"].values) - 1
    assert (block.arrays["tokens"].values[ends] == VOCABULARY.eos_id).all()


@pytest.mark.parametrize(("size", "dtype"), [(1 << 15, "int16"), (40_000, "int32")])
def test_tokens_are_kept_in_a_type_that_holds_them_all(size, dtype):
    vocabulary = CharacterVocabulary.from_languages(LANGUAGES)
    vocabulary.size = size
    answering = dataclasses.replace(teacher(), vocabulary=vocabulary)
    block = answering.block(EXAMPLES)
    assert block.arrays["tokens"].values.dtype == dtype
    answering.schema.encode(block)


def test_confidence_is_the_chain_s_own_per_token_whatever_a_table_says():
    crowd = CrowdConfig("builtin", rerank_weight=50.0)
    plain = teacher().chain.transliterate(EXAMPLES)
    expected = [row[0].log_prob / (len(row[0].text) + 1) for row in plain]
    for answering in (teacher(), teacher(crowd=crowd)):
        confidence = answering.block(EXAMPLES).arrays["confidence"]
        np.testing.assert_allclose(confidence, expected, rtol=1e-6)


def test_distributions_of_one_pivot_are_the_last_network_s():
    answering = teacher()
    block, pivots = answering.block(EXAMPLES), answering.chain.pivots(EXAMPLES)
    network, langs = ToyNetwork("2"), [e.target_lang for e in EXAMPLES]
    sources = encode_sources(VOCABULARY, [row[0].text for row in pivots], langs)
    best = encode_targets(VOCABULARY, [row[0] for row in texts(block)])
    expected = network.log_probs(sources, best)
    np.testing.assert_array_equal(block.arrays["log_probs"].values, expected.values)
    np.testing.assert_array_equal(block.arrays["log_probs"].offsets, best.offsets)


def test_distributions_of_several_pivots_are_the_posterior_mixture():
    answering = teacher(num_pivots=3)
    block, pivots = answering.block(EXAMPLES), answering.chain.pivots(EXAMPLES)
    network = ToyNetwork("2")
    for i, example in enumerate(EXAMPLES):
        best = encode_targets(VOCABULARY, [texts(block)[i][0]]).row(0)
        got = block.arrays["log_probs"].row(i).astype(np.float64)
        # p(y_<t | x) and p(y_t, y_<t | x), both summed over the pivots from scratch.
        for t in range(len(best)):
            joint, before = np.zeros(VOCABULARY.size), 0.0
            for way in pivots[i]:
                source = encode_sources(
                    VOCABULARY, [way.text], [example.target_lang]
                ).row(0)
                path = np.exp(way.log_prob)
                for u in range(t):
                    path *= np.exp(network.next_token(source, best[:u])[best[u]])
                before += path
                joint += path * np.exp(network.next_token(source, best[:t]))
            likely = joint > 1e-4 * before
            expected = np.log(joint[likely] / before)
            np.testing.assert_allclose(got[t][likely], expected, atol=0.02)
            assert np.exp(got[t]).sum() == pytest.approx(1.0, abs=0.01)


def test_some_examples_with_one_pivot_and_some_with_several_mix():
    known = {("hi", "कमल"): (Hypothesis("kamal", 0.0),)}
    many = teacher(num_pivots=2)
    chain = dataclasses.replace(many.chain, known_pivots=known)
    mixed = dataclasses.replace(many, chain=chain).block(EXAMPLES)
    one = dataclasses.replace(teacher(), chain=chain).block(EXAMPLES[:1])
    np.testing.assert_allclose(
        mixed.arrays["log_probs"].row(0), one.arrays["log_probs"].row(0), atol=0.01
    )
    several = many.block(EXAMPLES[1:])
    np.testing.assert_array_equal(
        mixed.arrays["log_probs"].row(2), several.arrays["log_probs"].row(1)
    )


def test_a_way_that_cannot_be_right_is_not_listened_to_after_it_went_wrong():
    best = Ragged.of([[0, 1]])
    sure = np.log(np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01]]))
    wrong = np.log(np.array([[1e-6, 0.5, 0.5], [0.01, 0.01, 0.98]]))
    each = Ragged(np.concatenate([sure, wrong]).astype(np.float16), np.array([0, 2, 4]))
    mixed = signals._marginal_rows(each, np.log([0.5, 0.5]), np.array([0, 0]), best)
    np.testing.assert_allclose(np.exp(mixed.row(0)[0, 0]), 0.49, atol=0.01)
    np.testing.assert_allclose(np.exp(mixed.row(0)[1, 1]), 0.98, atol=0.01)


def test_hidden_states_are_those_of_the_best_pivot():
    answering = teacher(num_pivots=3)
    pivots = answering.chain.pivots(EXAMPLES)
    langs = [e.target_lang for e in EXAMPLES]
    sources = encode_sources(VOCABULARY, [row[0].text for row in pivots], langs)
    expected = ToyNetwork("2").hidden(sources)
    states = answering.block(EXAMPLES).arrays["hidden"]
    np.testing.assert_allclose(states.values, expected.values, rtol=1e-3)
    pooled = dataclasses.replace(answering, wanted=Wanted(1, hidden="pooled"))
    means = pooled.block(EXAMPLES).arrays["hidden"]
    assert means.shape == (3, WIDTH)
    for i in range(3):
        np.testing.assert_allclose(means[i], expected.row(i).mean(axis=0), rtol=2e-3)
