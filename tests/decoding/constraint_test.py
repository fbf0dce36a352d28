"""The constrained distribution over next tokens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from epik_jax.decoding import constraint

EOS, PAD = 1, 0


@pytest.fixture(autouse=True)
def _explicit_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


def _logits(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _next(logits, tokens, allow=None):
    return np.asarray(
        constraint.next_log_probs(logits, tokens, allow, eos_id=EOS, pad_id=PAD)
    )


def test_without_a_constraint_the_values_are_the_plain_log_softmax():
    logits = _logits(2, 3, 6)
    log_probs = _next(logits, np.zeros((2, 3), np.int32))
    expected = special.log_softmax(logits, axis=-1)
    np.testing.assert_allclose(log_probs[..., 1:], expected[..., 1:], atol=1e-5)


def test_padding_is_never_proposed_even_where_the_model_prefers_it():
    logits = _logits(2, 3, 6)
    logits[..., PAD] = 50.0
    assert np.all(_next(logits, np.zeros((2, 3), np.int32)).argmax(-1) != PAD)


def test_what_may_follow_is_renormalised_and_the_rest_impossible():
    logits = _logits(2, 3, 6)
    may = np.random.default_rng(1).random((2, 3, 6)) < 0.5
    may[..., PAD], may[..., EOS] = False, True
    log_probs = _next(logits, np.zeros((2, 3), np.int32), lambda tokens: may)
    expected = special.log_softmax(np.where(may, logits, -np.inf), axis=-1)
    np.testing.assert_allclose(log_probs[may], expected[may], atol=1e-5)
    assert np.all(log_probs[~may] == constraint.IMPOSSIBLE)


def test_each_row_follows_the_table_of_its_language():
    follow = np.random.default_rng(0).random((3, 5, 5)) < 0.5
    tokens = np.array([[0, 4], [2, 3], [1, 1], [4, 0]], np.int32)
    lang = np.array([2, 0, 1, 0], np.int32)
    allowed = constraint.make_allow(follow, lang)(tokens)
    for b in range(4):
        for w in range(2):
            expected = follow[lang[b], tokens[b, w]]
            np.testing.assert_array_equal(allowed[b, w], expected)


def test_where_nothing_may_follow_only_the_end_is_left():
    tokens = np.zeros((1, 1), np.int32)
    log_probs = _next(_logits(1, 1, 6), tokens, lambda t: np.zeros((1, 1, 6), bool))
    assert log_probs[0, 0, EOS] == 0.0
    assert np.all(np.delete(log_probs[0, 0], EOS) == constraint.IMPOSSIBLE)


@pytest.mark.parametrize("floor", [-np.inf, -1e9, np.finfo(np.float32).min])
def test_a_model_that_masks_what_is_allowed_does_not_free_what_is_forbidden(floor):
    logits = np.full((1, 1, 4), floor, np.float32)
    logits[..., 3] = 2.0
    may = np.array([[[False, False, True, False]]])
    log_probs = _next(logits, np.zeros((1, 1), np.int32), lambda tokens: may)
    assert np.all(np.isfinite(log_probs))
    assert log_probs.argmax() == 2
    assert log_probs[0, 0, 3] == constraint.IMPOSSIBLE


def test_half_precision_logits_are_normalised_in_float32():
    logits = jnp.asarray(_logits(1, 1, 300)).astype(jnp.bfloat16)
    log_probs = _next(logits, np.zeros((1, 1), np.int32))
    assert log_probs.dtype == np.float32
    expected = special.log_softmax(np.asarray(logits, np.float64), axis=-1)
    np.testing.assert_allclose(log_probs[..., 1:], expected[..., 1:], atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 5), (2, 5, 4)])
def test_a_table_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"\[L, V, V\]"):
        constraint.make_allow(np.ones(shape, bool), np.zeros(3, np.int32))
