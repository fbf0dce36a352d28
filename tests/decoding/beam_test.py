"""Beam search against brute force, plain Python and chains known by hand."""

import functools
import heapq
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from epik_jax.decoding.beam import beam
from epik_jax.decoding.constraint import make_allow
from epik_jax.decoding.greedy import greedy

PAD, EOS, START, A, B = range(5)
PENALTIES = [0.0, 0.7, 2.0]


@pytest.fixture(autouse=True)
def _explicit_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


def _step(tokens_BW, index, ancestors_BWT, table_BWTVV):
    """A Markov chain that differs at each position; the cache carries its tables."""
    rows, beams = jnp.indices(tokens_BW.shape)
    return table_BWTVV[rows, beams, index, tokens_BW], table_BWTVV


@functools.partial(jax.jit, static_argnames=("width", "settings"))
def _run(table_BTVV, follow_VV, width, settings):
    batch_size, max_length = table_BTVV.shape[:2]
    table_B1TVV = table_BTVV[:, None]
    langs_B = jnp.zeros(batch_size, jnp.int32)
    allow = None if follow_VV is None else make_allow(follow_VV[None], langs_B)
    return beam(
        _step,
        jnp.full(batch_size, START, jnp.int32),
        jnp.broadcast_to(table_B1TVV, (batch_size, width, *table_BTVV.shape[1:])),
        eos_id=EOS,
        pad_id=PAD,
        beam_width=width,
        max_length=max_length,
        allow=allow,
        **dict(settings),
    )


def _search(table_BTVV, width, follow=None, **settings):
    decoded = _run(jnp.asarray(table_BTVV), follow, width, tuple(settings.items()))
    return jax.tree.map(np.asarray, decoded)


def _random_tables(batch_size, max_length, seed, size=5):
    rng = np.random.default_rng(seed)
    shape = (batch_size, max_length, size, size)
    return 2 * rng.normal(size=shape).astype(np.float32)


def _score(log_prob, length, length_penalty):
    return log_prob / ((5 + length) / 6) ** length_penalty


def _all_outcomes(table_TVV):
    """Every way to write until the end token or the last position."""
    log_probs = special.log_softmax(table_TVV.astype(np.float64), axis=-1)
    unfinished, outcomes = {(): 0.0}, {}
    for position in range(len(table_TVV)):
        longer = {}
        for prefix, total in unfinished.items():
            row = log_probs[position, prefix[-1] if prefix else START]
            for token in range(1, len(row)):
                where = outcomes if token == EOS else longer
                where[(*prefix, token)] = total + row[token]
        unfinished = longer
    return outcomes | unfinished


def _plain_beam(table_TVV, width, num_hypotheses, length_penalty):
    """The same search with lists, and no early stop."""
    log_probs = special.log_softmax(table_TVV.astype(np.float64), axis=-1)
    live, finished = [(0.0, ())], []
    for position in range(len(table_TVV)):
        longer = [
            (total + log_probs[position, path[-1] if path else START, token],
             (*path, token))
            for total, path in live
            for token in range(1, table_TVV.shape[-1])
        ]  # fmt: skip
        longer.sort(reverse=True)
        finished += [found for found in longer[:width] if found[1][-1] == EOS]
        live = [found for found in longer if found[1][-1] != EOS][:width]
    scored = [
        (_score(total, len(path), length_penalty), path)
        for total, path in finished + live
    ]
    return heapq.nlargest(num_hypotheses, scored)


def _assert_hypotheses(decoded, row, expected):
    """`expected` is a list of (score, tokens), best first."""
    for w, (score, path) in enumerate(expected):
        padding = [PAD] * (decoded.tokens.shape[-1] - len(path))
        np.testing.assert_array_equal(decoded.tokens[row, w], [*path, *padding])
        assert decoded.lengths[row, w] == len(path)
        np.testing.assert_allclose(decoded.scores[row, w], score, atol=1e-4)


@pytest.mark.parametrize("length_penalty", PENALTIES)
def test_a_beam_wide_enough_equals_brute_force(length_penalty):
    tables = _random_tables(6, 4, seed=0)
    decoded = _search(
        tables, width=128, num_hypotheses=121, length_penalty=length_penalty
    )
    for row in range(6):
        outcomes = _all_outcomes(tables[row])
        assert len(outcomes) == 121
        scored = [
            (_score(total, len(path), length_penalty), path)
            for path, total in outcomes.items()
        ]
        _assert_hypotheses(decoded, row, sorted(scored, reverse=True))
        for w, length in enumerate(decoded.lengths[row]):
            path = tuple(decoded.tokens[row, w, :length].tolist())
            np.testing.assert_allclose(
                decoded.log_probs[row, w], outcomes[path], atol=1e-4
            )


@pytest.mark.parametrize(
    ("width", "num_hypotheses", "length_penalty"),
    [
        (1, 1, 0.7),
        (3, 2, 2.0),
        (4, 1, 0.7),
        *((6, 6, penalty) for penalty in PENALTIES),
    ],
)
def test_a_narrow_beam_equals_the_plain_python_search(
    width, num_hypotheses, length_penalty
):
    tables = _random_tables(24, 6, seed=width)
    decoded = _search(
        tables, width, num_hypotheses=num_hypotheses, length_penalty=length_penalty
    )
    for row in range(24):
        expected = _plain_beam(tables[row], width, num_hypotheses, length_penalty)
        _assert_hypotheses(decoded, row, expected)


def test_beam_of_one_equals_greedy():
    tables = _random_tables(64, 8, seed=0)
    by_beam = _search(tables, width=1)
    limits = {"eos_id": EOS, "pad_id": PAD, "max_length": 8}
    run_greedy = jax.jit(functools.partial(greedy, _step, **limits))
    by_greedy = run_greedy(np.full(64, START), tables[:, None])
    np.testing.assert_array_equal(by_beam.tokens, by_greedy.tokens)
    np.testing.assert_array_equal(by_beam.lengths, by_greedy.lengths)
    np.testing.assert_allclose(by_beam.log_probs, by_greedy.log_probs, atol=1e-5)


# A chain known by hand. Greedy takes A, the likelier start, and ends with 0.24; the
# best hypothesis is B with 0.36.
#
#            0.35        0.10
#           .----.      .----.
#           v    |      |    |
#     0.6 ,-> A -' 0.25 v    |
#  START -|   | `-----> B ---'(to A)
#     0.4 `---|--------^  \
#             |0.40        \ 0.90
#             v             v
#            END           END
def _known_table(max_length):
    probs = np.zeros((5, 5))
    probs[START, [A, B]] = 0.6, 0.4
    probs[A, [A, B, EOS]] = 0.35, 0.25, 0.40
    probs[B, [A, EOS]] = 0.10, 0.90
    with np.errstate(divide="ignore"):
        table_VV = np.log(probs).astype(np.float32)  # Holds -inf, as models may.
    return np.broadcast_to(table_VV, (1, max_length, 5, 5))


def test_the_chain_known_by_hand_gives_its_best_three_paths():
    decoded = _search(_known_table(4), width=4, num_hypotheses=3)
    expected = [
        (np.log(0.4 * 0.9), (B, EOS)),
        (np.log(0.6 * 0.4), (A, EOS)),
        (np.log(0.6 * 0.25 * 0.9), (A, B, EOS)),
    ]
    _assert_hypotheses(decoded, 0, expected)


def test_a_penalty_moves_the_longer_path_up():
    decoded = _search(_known_table(4), width=4, num_hypotheses=3, length_penalty=2.7)
    expected = [
        (np.log(0.4 * 0.9) / (7 / 6) ** 2.7, (B, EOS)),
        (np.log(0.6 * 0.25 * 0.9) / (8 / 6) ** 2.7, (A, B, EOS)),
        (np.log(0.6 * 0.4) / (7 / 6) ** 2.7, (A, EOS)),
    ]
    _assert_hypotheses(decoded, 0, expected)


def test_hypotheses_that_do_not_exist_are_marked_missing():
    decoded = _search(_known_table(2), width=16, num_hypotheses=16)
    # Within two tokens: B END, A END, A A, A B, B A. All others need a zero.
    assert np.sum(decoded.lengths > 0) == 5
    np.testing.assert_allclose(np.exp(decoded.log_probs[0, :5]).sum(), 1.0, rtol=1e-5)
    assert np.all(decoded.lengths[0, 5:] == 0)
    assert np.all(np.isneginf(decoded.log_probs[0, 5:]))
    assert np.all(np.isneginf(decoded.scores[0, 5:]))
    assert np.all(decoded.tokens[0, 5:] == PAD)


@pytest.mark.parametrize("length_penalty", PENALTIES)
def test_hypotheses_are_unique_sorted_and_padded_after_the_end(length_penalty):
    tables = _random_tables(24, 6, seed=8)
    decoded = _search(tables, width=6, num_hypotheses=6, length_penalty=length_penalty)
    assert np.all(np.diff(decoded.scores, axis=1) <= 0)
    for row in decoded.tokens:
        assert len({tuple(path) for path in row.tolist()}) == 6
    after_BWT = np.arange(6)[None, None, :] >= decoded.lengths[:, :, None]
    np.testing.assert_array_equal(decoded.tokens == PAD, after_BWT)
    ends = np.sum(decoded.tokens == EOS, axis=-1)
    assert np.all((ends == 1) | (decoded.lengths == 6))


@pytest.mark.parametrize("length_penalty", [0.0, 0.7])
def test_rows_do_not_depend_on_their_companions(length_penalty):
    tables = _random_tables(12, 8, seed=4)
    # Never ends: no row sees an early exit when all go together.
    tables[-1, :, :, EOS] = -20.0
    together = _search(tables, 3, num_hypotheses=2, length_penalty=length_penalty)
    for row in range(11):
        alone = _search(
            tables[row : row + 1], 3, num_hypotheses=2, length_penalty=length_penalty
        )
        np.testing.assert_array_equal(together.tokens[row], alone.tokens[0])
        np.testing.assert_allclose(together.scores[row], alone.scores[0], rtol=1e-5)


def test_no_forbidden_bigram_is_written_and_log_probs_are_renormalised():
    rng = np.random.default_rng(0)
    follow = rng.random((8, 8)) < 0.35
    follow[:, [PAD, START]] = False
    follow[3:, EOS] = [True, False, True, False, True]
    follow[START, 4:6], follow[4, 3], follow[6, 5] = True, True, True
    tables = _random_tables(32, 6, seed=1, size=8)
    decoded = _search(tables, 4, follow=follow, num_hypotheses=4)
    constrained = special.log_softmax(np.where(follow, tables, -np.inf), axis=-1)
    for row in range(32):
        for w in range(4):
            path = [START, *decoded.tokens[row, w, : decoded.lengths[row, w]]]
            pairs = list(itertools.pairwise(path))
            assert all(follow[i, j] for i, j in pairs)
            total = sum(constrained[row, t, i, j] for t, (i, j) in enumerate(pairs))
            np.testing.assert_allclose(decoded.log_probs[row, w], total, atol=1e-4)


@pytest.mark.parametrize("num_hypotheses", [0, 5])
def test_more_hypotheses_than_beams_are_refused(num_hypotheses):
    with pytest.raises(ValueError, match=f"num_hypotheses={num_hypotheses} and"):
        _search(_random_tables(1, 2, 0), 4, num_hypotheses=num_hypotheses)
