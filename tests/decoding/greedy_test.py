"""Greedy decoding, on Markov chains and on a step function that remembers."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from epik_jax.decoding.constraint import make_allow
from epik_jax.decoding.greedy import greedy

PAD, EOS, START, A, B = range(5)


@pytest.fixture(autouse=True)
def _explicit_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


def _step(tokens_BW, index, ancestors_BWT, table_BWVV):
    """A Markov chain of each row's own, carried in the cache."""
    rows, beams = jnp.indices(tokens_BW.shape)
    return table_BWVV[rows, beams, tokens_BW], table_BWVV


@functools.partial(jax.jit, static_argnames=("max_length", "eos_id"))
def _run(table_BVV, follow_VV, max_length, eos_id):
    langs_B = jnp.zeros(table_BVV.shape[0], jnp.int32)
    return greedy(
        _step,
        jnp.full(table_BVV.shape[0], START, jnp.int32),
        table_BVV[:, None],
        eos_id=eos_id,
        pad_id=PAD,
        max_length=max_length,
        allow=None if follow_VV is None else make_allow(follow_VV[None], langs_B),
    )


def _chain(table_BVV, max_length, follow=None, eos_id=EOS):
    return jax.tree.map(np.asarray, _run(table_BVV, follow, max_length, eos_id))


def _random_table(batch_size, seed, size=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch_size, size, size)).astype(np.float32) * 2


def _by_hand(table_VV, max_length):
    log_probs_VV = special.log_softmax(table_VV.astype(np.float64), axis=-1)
    last, tokens, total = START, [], 0.0
    while len(tokens) < max_length and last != EOS:
        choice = 1 + int(log_probs_VV[last, 1:].argmax())
        total += log_probs_VV[last, choice]
        tokens.append(choice)
        last = choice
    return tokens, total


@pytest.mark.parametrize("seed", range(4))
def test_greedy_follows_the_most_probable_token(seed):
    table = _random_table(16, seed)
    decoded = _chain(table, max_length=6)
    for row in range(16):
        tokens, total = _by_hand(table[row], max_length=6)
        padded = tokens + [PAD] * (6 - len(tokens))
        np.testing.assert_array_equal(decoded.tokens[row, 0], padded)
        assert decoded.lengths[row, 0] == len(tokens)
        np.testing.assert_allclose(decoded.log_probs[row, 0], total, atol=1e-5)
    np.testing.assert_array_equal(decoded.scores, decoded.log_probs)


def test_a_row_that_never_ends_is_returned_as_it_is():
    table = np.full((1, 5, 5), -20.0, np.float32)
    table[:, :, A] = 0.0
    decoded = _chain(table, max_length=4)
    np.testing.assert_array_equal(decoded.tokens[0, 0], [A] * 4)
    assert decoded.lengths[0, 0] == 4


def test_other_ids_for_the_end_are_as_good():
    table = _random_table(8, seed=3)
    swapped = table[:, [0, 3, 2, 1, 4]][:, :, [0, 3, 2, 1, 4]]
    decoded, other = _chain(table, 6), _chain(swapped, 6, eos_id=A)
    np.testing.assert_array_equal(
        np.array([0, 3, 2, 1, 4])[decoded.tokens], other.tokens
    )
    np.testing.assert_array_equal(decoded.lengths, other.lengths)


def test_rows_do_not_depend_on_their_companions():
    table = _random_table(8, seed=5)
    together = _chain(table, max_length=7)
    for row in range(8):
        alone = _chain(table[row : row + 1], max_length=7)
        np.testing.assert_array_equal(together.tokens[row], alone.tokens[0])
        np.testing.assert_allclose(together.log_probs[row], alone.log_probs[0])


def test_the_loop_stops_when_the_last_row_has_ended():
    steps = []

    def step(tokens_BW, index, ancestors_BWT, lengths_BW):
        jax.debug.callback(lambda i: steps.append(int(i)), index)
        ends_BW = index + 1 >= lengths_BW
        wanted_BW = jnp.where(ends_BW, EOS, A)
        return jax.nn.one_hot(wanted_BW, 5) * 9.0, lengths_BW

    lengths = jnp.array([[2], [5], [3]])
    start = jnp.full(3, START, jnp.int32)
    decoded = greedy(step, start, lengths, eos_id=EOS, pad_id=PAD, max_length=50)
    jax.effects_barrier()
    np.testing.assert_array_equal(decoded.lengths, lengths)
    assert sorted(steps) == [0, 1, 2, 3, 4]


def test_no_forbidden_bigram_is_written():
    rng = np.random.default_rng(0)
    follow = rng.random((8, 8)) < 0.4
    follow[:, EOS] |= ~follow.any(axis=1)
    follow[:, [PAD, START]] = False
    follow[START, 4] = True
    decoded = _chain(_random_table(64, seed=1, size=8), max_length=9, follow=follow)
    for tokens, length in zip(decoded.tokens[:, 0], decoded.lengths[:, 0], strict=True):
        path = [START, *tokens[:length]]
        assert all(follow[i, j] for i, j in itertools.pairwise(path))


def test_the_cache_carries_the_prefix():
    """Each token is a function of the whole prefix, which only the cache knows."""
    weights = np.random.default_rng(2).normal(size=(6, 5, 5)).astype(np.float32)

    def step(tokens_BW, index, ancestors_BWT, sum_BWV):
        sum_BWV = sum_BWV + jnp.asarray(weights)[index][tokens_BW]
        return sum_BWV, sum_BWV

    decoded = greedy(
        step,
        np.array([START, A]),
        jnp.zeros((2, 1, 5)),
        eos_id=EOS,
        pad_id=PAD,
        max_length=6,
    )
    for row, last in enumerate([START, A]):
        total, expected = np.zeros(5, np.float32), []
        while len(expected) < 6 and last != EOS:
            total = total + weights[len(expected)][last]
            last = 1 + int(total[1:].argmax())
            expected.append(last)
        length = decoded.lengths[row, 0]
        np.testing.assert_array_equal(decoded.tokens[row, 0, :length], expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"max_length": 0}, "max_length"), ({"pad_id": EOS}, "must differ")],
)
def test_limits_that_cannot_be_served_are_refused(change, message):
    settings = {"eos_id": EOS, "pad_id": PAD, "max_length": 3} | change
    with pytest.raises(ValueError, match=message):
        greedy(lambda *args: args, np.zeros(1, np.int32), None, **settings)
