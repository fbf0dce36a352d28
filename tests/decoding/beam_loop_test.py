"""Beam search around its step function: when it stops, how beams know their past."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from epik_jax.decoding.beam import beam

PAD, EOS, START = range(3)


@pytest.fixture(autouse=True)
def _explicit_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


def _compiled(step, limits, **options):
    return jax.jit(functools.partial(beam, step, **limits, **options))


# With a penalty, a live beam is given the benefit of the longest length: it takes one
# step more until even that cannot save it.
@pytest.mark.parametrize(
    ("end_bonus", "length_penalty", "num_steps"),
    [(9.0, 0.0, 2), (9.0, 0.6, 3), (-20.0, 0.0, 30)],
)
def test_the_loop_stops_when_no_live_beam_can_improve(
    end_bonus, length_penalty, num_steps
):
    steps = []

    def step(tokens_BW, index, ancestors_BWT, kv_cache):
        jax.debug.callback(lambda i: steps.append(int(i)), index)
        logits = jnp.zeros((*tokens_BW.shape, 5)).at[..., EOS].set(end_bonus)
        return logits, kv_cache

    limits = {"eos_id": EOS, "pad_id": PAD, "beam_width": 3, "max_length": 30}
    limits |= {"num_hypotheses": 2, "length_penalty": length_penalty}
    _compiled(step, limits)(np.full(2, START), None)
    jax.effects_barrier()
    assert sorted(steps) == list(range(num_steps))


# A step function whose logits depend on the whole prefix; only its KV cache holds it.
LIMITS = {"eos_id": EOS, "pad_id": PAD, "max_length": 6}
LIMITS |= {"beam_width": 4, "num_hypotheses": 4}


@jax.jit
def _prefix_logits(seen_BWT, index):
    mixed_BW = jnp.broadcast_to(jnp.arange(3)[:, None], seen_BWT.shape[:2])
    for i in range(6):
        # A hash that the order of the tokens changes.
        longer_BW = (mixed_BW * 31 + seen_BWT[:, :, i] + 7) % 1009
        mixed_BW = jnp.where(i <= index, longer_BW, mixed_BW)
    return 2 * jnp.sin(mixed_BW[:, :, None] * (1.0 + jnp.arange(5.0)[None, None, :]))


def _prefix_step(tokens_BW, index, ancestors_BWT, read_BWT):
    read_BWT = read_BWT.at[:, :, index].set(tokens_BW)
    seen_BWT = jnp.take_along_axis(read_BWT, ancestors_BWT, axis=1)
    return _prefix_logits(seen_BWT, index), read_BWT


def test_ancestors_tell_each_beam_its_past():
    """Log-probabilities of the answers are what a replay of their tokens gives."""
    zeros = jnp.zeros((3, 4, 6), jnp.int32)
    decoded = _compiled(_prefix_step, LIMITS)(np.full(3, START), zeros)
    starts = np.full((3, 4, 1), START)
    seen = jnp.asarray(np.concatenate([starts, decoded.tokens[:, :, :-1]], axis=-1))
    totals = np.zeros((3, 4))
    for index in range(6):
        logits = np.asarray(_prefix_logits(seen, index), np.float64)
        chosen = np.asarray(decoded.tokens)[:, :, index, None]
        gains = np.take_along_axis(special.log_softmax(logits, axis=-1), chosen, -1)
        totals += np.where(index < decoded.lengths, gains[..., 0], 0.0)
    np.testing.assert_allclose(decoded.log_probs, totals, atol=1e-4)
