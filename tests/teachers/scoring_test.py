"""Pairs are scored in any order and number, by all headers together."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
import scipy.special
import toy_pairs
from toy_pairs import CONFIGS, PAIRS, network

from epik_jax import trees
from epik_jax.models import scorer
from epik_jax.structs import TextPair

every_scorer = pytest.mark.parametrize("config", CONFIGS, ids=["encoder", "bilstm"])


@every_scorer
def test_answers_stand_in_the_order_of_the_pairs_whatever_the_batches(config):
    asked = network(config)
    whole = asked.probs(PAIRS)
    np.testing.assert_allclose(asked.probs(PAIRS, batch_size=2), whole, atol=1e-5)
    np.testing.assert_allclose(asked.probs(PAIRS[::-1])[::-1], whole, atol=1e-5)
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-5)
    assert whole.std(axis=0).max() > 1e-3


@every_scorer
def test_the_likeliest_class_is_named(config):
    asked = network(config)
    best = asked.probs(PAIRS).argmax(axis=1)
    assert asked.classes(PAIRS) == [config.labels[i] for i in best]


@every_scorer
def test_logits_of_one_header_are_its_own_and_of_several_what_they_come_to(config):
    asked = network(config)
    encoded = asked.encoded(PAIRS)
    together = asked.logits(encoded)
    np.testing.assert_allclose(np.exp(together), asked.probs(PAIRS), atol=1e-5)
    golden = dataclasses.replace(config, prediction="golden")
    alone = dataclasses.replace(asked, config=golden).logits(encoded)
    batch = encoded.batch(np.arange(len(PAIRS)), 24, toy_pairs.PIECES.pad_id)
    shown = (batch["tokens"], batch["token_mask"], batch["types"])
    score = jax.jit(scorer.score, static_argnames="config")
    theirs = score(asked.params, config, *shown)[:, 0]
    np.testing.assert_allclose(alone, theirs, atol=1e-5)
    assert abs(scipy.special.logsumexp(alone, axis=1)).max() > 1e-3


@every_scorer
def test_a_text_that_is_too_long_loses_its_end_and_still_counts(config):
    asked = network(config)
    long = [dataclasses.replace(PAIRS[0], text_b="a b c d " * n) for n in (30, 60)]
    first, second = asked.probs(long)
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_no_pairs_have_no_answers():
    assert network(CONFIGS[0]).probs([]).shape == (0, 2)
    assert network(CONFIGS[1]).classes([]) == []


def test_pairs_that_differ_in_one_text_are_told_apart():
    asked = network(CONFIGS[1])
    one, other = TextPair("1", "a b", "c"), TextPair("2", "a b", "d")
    assert abs(np.diff(asked.probs([one, other]), axis=0)).max() > 1e-5


@every_scorer
def test_a_network_that_answers_with_no_numbers_is_not_taken_at_its_word(config):
    asked = network(config)
    flat = trees.flatten(asked.params)
    broken = {**flat, "headers/bias": np.full_like(flat["headers/bias"], np.nan)}
    asked = dataclasses.replace(asked, params=trees.unflatten(broken))
    for ask in (asked.classes, asked.log_probs):
        with pytest.raises(ValueError, match=f"answers {len(PAIRS)} of {len(PAIRS)}"):
            ask(PAIRS)
