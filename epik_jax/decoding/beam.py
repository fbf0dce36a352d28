"""Beam search with n-best lists over any step function.

In go a step function, start tokens and a KV cache, out come the best hypotheses of each
row, best first. It knows neither parameters nor text; the caller compiles it together
with the step function. The KV cache stays where it is: what moves is a table of which
beam read each token of a beam's past (the cache indirection of FasterTransformer).

Each step ranks every one-token extension of the W live beams. An end token among the W
best extensions finishes its hypothesis, which from then on competes by penalised score
for a place among the N that are kept; the W best extensions without an end token live
on. The search of a row is over when not even the best live beam, at no further cost and
at the most favourable length, could enter those N.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from epik_jax.decoding.constraint import IMPOSSIBLE, is_possible, next_log_probs
from epik_jax.decoding.greedy import check_limits
from epik_jax.decoding.length_penalty import length_divisors
from epik_jax.structs import AllowFn, Array, Decoded, KVCache, StepFn


@dataclasses.dataclass(frozen=True)
class Rules:
    """What stays the same during one search."""

    eos_id: int
    pad_id: int
    beam_width: int  # W
    num_hypotheses: int  # N
    max_length: int  # T
    divisors: np.ndarray  # [T + 1] float32, of a log-probability at each length

    def __post_init__(self) -> None:
        if not 1 <= self.num_hypotheses <= self.beam_width:
            raise ValueError(
                "need 1 <= num_hypotheses <= beam_width, got num_hypotheses="
                f"{self.num_hypotheses} and beam_width={self.beam_width}"
            )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BeamState:
    """What one step hands to the next."""

    index: jax.Array  # [] int32, tokens in every live beam
    last: jax.Array  # [B, W] int32, the token that the next step reads
    tokens: jax.Array  # [B, W, T] int32, live beams, padded
    ancestors: jax.Array  # [B, W, T] int32, who read the tokens before `last`; or -1
    log_probs: jax.Array  # [B, W] float32, live beams, best first
    kept: Decoded  # [B, N, ...], finished hypotheses, best first
    kv_cache: KVCache


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Candidates:
    """The C = 2 W best one-token extensions of the live beams, best first.

    Each beam has one extension by the end token, so at least W of them live on.
    """

    parents: jax.Array  # [B, C] int32, the beam that is extended
    last: jax.Array  # [B, C] int32, the token that it is extended by
    tokens: jax.Array  # [B, C, T] int32, padded
    log_probs: jax.Array  # [B, C] float32


def _gather_beams(tree: Any, beams_BC: Array) -> Any:
    """Picks beams from every leaf: leaf[b, c] becomes leaf[b, beams[b, c]].

    Args:
      tree: leaves of shape [B, W, ...].
      beams_BC: int32, positions on the beam axis.

    Returns:
      The same tree with leaves of shape [B, C, ...].
    """
    # Row by row, [W, ...] -> [C, ...]: the compiler sees that none reads another, and
    # exchanges nothing where rows are split over devices.
    return jax.vmap(lambda row, beams_C: jax.tree.map(lambda x: x[beams_C], row))(
        tree, beams_BC
    )


def beam(
    step_fn: StepFn,
    start_B: Array,
    kv_cache: KVCache,
    *,
    eos_id: int,
    pad_id: int,
    beam_width: int,
    max_length: int,
    length_penalty: float = 0.0,
    num_hypotheses: int = 1,
    allow: AllowFn | None = None,
) -> Decoded:
    """Searches for the hypotheses with the best penalised log-probabilities.

    Beams that reach `max_length` without an end token compete as they are, at that
    length: the hypotheses are then the outcomes of "write until the end token or
    `max_length`", whose probabilities sum to one. Width 1 without a length penalty is
    greedy decoding; with one it may go on past an end token to look for a longer,
    better answer. Equal scores keep the hypothesis that was finished first.

    Args:
      step_fn: (tokens [B, W], index, ancestors [B, W, T], kv_cache) -> (logits
        [B, W, V], kv_cache), see `StepFn`.
      start_B: int32, the token that each row starts from; it is not returned.
      kv_cache: any tree that `step_fn` takes and gives; what a beam needs of it lies
        where `ancestors` says.
      eos_id: id of the end token.
      pad_id: id of padding, which is never chosen.
      beam_width: W, live beams of each row; may exceed the vocabulary.
      max_length: the most tokens of a hypothesis, end token included.
      length_penalty: exponent of the divisor, see `length_divisors`.
      num_hypotheses: N, at most `beam_width`.
      allow: which tokens may follow; log-probabilities are renormalised over them.

    Returns:
      `Decoded` with W = `num_hypotheses` and T = `max_length`. Where fewer hypotheses
      exist, the missing ones come last: log-probability and score -inf, length 0, only
      padding.

    Raises:
      ValueError: for limits that cannot be served, such as more hypotheses than beams.
    """
    check_limits(eos_id=eos_id, pad_id=pad_id, max_length=max_length)
    divisors = length_divisors(max_length, length_penalty)
    rules = Rules(eos_id, pad_id, beam_width, num_hypotheses, max_length, divisors)

    def going(state: BeamState) -> jax.Array:
        return (state.index < max_length) & jnp.any(_can_improve(state, rules))

    def advance(state: BeamState) -> BeamState:
        # Each beam reads its newest token by itself.
        itself_W = jnp.arange(beam_width)
        ancestors_BWT = state.ancestors.at[:, :, state.index].set(itself_W)
        logits_BWV, kv_cache = step_fn(
            state.last, state.index, ancestors_BWT, state.kv_cache
        )
        log_probs_BWV = next_log_probs(
            logits_BWV, state.last, allow, eos_id=eos_id, pad_id=pad_id
        )
        live, kept = _grow(state, log_probs_BWV, rules)
        return BeamState(
            index=state.index + 1,
            last=live.last,
            tokens=live.tokens,
            ancestors=_gather_beams(ancestors_BWT, live.parents),
            log_probs=live.log_probs,
            kept=kept,
            kv_cache=kv_cache,
        )

    final = jax.lax.while_loop(going, advance, _start(start_B, kv_cache, rules))
    # Where the search stopped early, these cannot score better than what is kept.
    unfinished = _as_decoded(final, None, final.index, rules)
    return _best_of(final.kept, unfinished, num_hypotheses)


def _start(start_B: Array, kv_cache: KVCache, rules: Rules) -> BeamState:
    batch_size, width = start_B.shape[0], rules.beam_width
    num_kept, length = rules.num_hypotheses, rules.max_length
    start_B1 = jnp.asarray(start_B, jnp.int32)[:, None]  # [B] -> [B, 1]
    missing_BN = jnp.full((batch_size, num_kept), -jnp.inf, jnp.float32)
    # All beams start alike: only the first is alive, or each would be found W times.
    log_probs_BW = jnp.full((batch_size, width), IMPOSSIBLE, jnp.float32)
    return BeamState(
        index=jnp.zeros((), jnp.int32),
        last=jnp.broadcast_to(start_B1, (batch_size, width)),  # [B, 1] -> [B, W]
        tokens=jnp.full((batch_size, width, length), rules.pad_id, jnp.int32),
        ancestors=jnp.full((batch_size, width, length), -1, jnp.int32),
        log_probs=log_probs_BW.at[:, 0].set(0.0),
        kept=Decoded(
            tokens=jnp.full((batch_size, num_kept, length), rules.pad_id, jnp.int32),
            lengths=jnp.zeros((batch_size, num_kept), jnp.int32),
            log_probs=missing_BN,
            scores=missing_BN,
        ),
        kv_cache=kv_cache,
    )


def _can_improve(state: BeamState, rules: Rules) -> jax.Array:
    """Where a live beam may still enter the kept hypotheses, bool [B].

    Log-probabilities are at most 0 and only fall, divisors only grow: a live beam's
    future score is at most what it has now divided by the largest divisor.
    """
    best_B = state.log_probs[:, 0]
    bound_B = jnp.where(is_possible(best_B), best_B / rules.divisors[-1], -jnp.inf)
    return bound_B > state.kept.scores[:, -1]


def _grow(
    state: BeamState, log_probs_BWV: jax.Array, rules: Rules
) -> tuple[Candidates, Decoded]:
    """Extends the live beams: those that live on, and what is kept so far."""
    candidates = _extend(state, log_probs_BWV, rules.eos_id)
    is_end_BC = candidates.last == rules.eos_id
    # Below IMPOSSIBLE: even a dead beam must come before one that has ended.
    living_BC = jnp.where(is_end_BC, -jnp.inf, candidates.log_probs)
    _, places_BW = jax.lax.top_k(living_BC, rules.beam_width)
    live = _gather_beams(candidates, places_BW)
    # [B, C, ...] -> [B, W, ...]: an end token ranked lower does not count, or a search
    # of width 1 would stop where greedy decoding goes on.
    best = jax.tree.map(lambda leaf: leaf[:, : rules.beam_width], candidates)
    is_end_BW = is_end_BC[:, : rules.beam_width]
    ended = _as_decoded(best, is_end_BW, state.index + 1, rules)
    return live, _best_of(state.kept, ended, rules.num_hypotheses)


def _extend(state: BeamState, log_probs_BWV: jax.Array, eos_id: int) -> Candidates:
    """The best 2 W extensions: first the best of each beam, then of all beams."""
    batch_size, width, vocabulary_size = log_probs_BWV.shape
    num_each = min(width, vocabulary_size - 1)
    gains_BWK, ids_BWK = _best_without_end(log_probs_BWV, num_each, eos_id)
    # Each beam also has its end: [B, W, K] and [B, W, 1] -> [B, W, K+1]
    end_BW1 = log_probs_BWV[:, :, eos_id, None]
    gains = jnp.concatenate([gains_BWK, end_BW1], axis=-1)
    ids = jnp.concatenate([ids_BWK, jnp.full_like(end_BW1, eos_id, jnp.int32)], -1)
    sums = jnp.maximum(state.log_probs[:, :, None] + gains, IMPOSSIBLE)
    # [B, W, K+1] -> [B, W*(K+1)] -> [B, C]
    log_probs_BC, places_BC = jax.lax.top_k(sums.reshape(batch_size, -1), 2 * width)
    last_BC = _gather_beams(ids.reshape(batch_size, -1), places_BC)
    parents_BC = places_BC // (num_each + 1)
    tokens_BCT = _gather_beams(state.tokens, parents_BC)
    return Candidates(
        parents=parents_BC,
        last=last_BC,
        tokens=tokens_BCT.at[:, :, state.index].set(last_BC),
        log_probs=log_probs_BC,
    )


def _best_without_end(
    log_probs_BWV: jax.Array, num_each: int, eos_id: int
) -> tuple[jax.Array, jax.Array]:
    """The best tokens of each beam other than the end: log-probabilities and ids.

    Setting the end apart halves how many must be ranked, the dearest part of a step.
    """
    batch_size, width, vocabulary_size = log_probs_BWV.shape
    is_end_V = jnp.arange(vocabulary_size) == eos_id
    # Below IMPOSSIBLE, so that even what cannot happen comes before the end.
    others = jnp.where(is_end_V[None, None, :], -jnp.inf, log_probs_BWV)
    # [B, W, V] -> [B*W, V] -> [B*W, K]: XLA's fast top-k on CPU takes matrices only.
    flat = others.reshape(batch_size * width, vocabulary_size)
    gains, ids = jax.lax.top_k(flat, num_each)
    shape = (batch_size, width, num_each)  # [B*W, K] -> [B, W, K]
    return gains.reshape(shape), ids.reshape(shape)


def _as_decoded(
    found: Candidates | BeamState,
    chosen_BX: jax.Array | None,
    length: jax.Array,
    rules: Rules,
) -> Decoded:
    """Scores hypotheses [B, X] of one length; those not chosen score -inf.

    Such a one never enters a result: it loses against the missing ones, which also
    score -inf but stand first in `_best_of`.
    """
    real_BX = is_possible(found.log_probs)
    if chosen_BX is not None:
        real_BX = real_BX & chosen_BX
    log_probs_BX = jnp.where(real_BX, found.log_probs, -jnp.inf)
    return Decoded(
        tokens=found.tokens,
        lengths=jnp.broadcast_to(length, log_probs_BX.shape),
        log_probs=log_probs_BX,
        scores=log_probs_BX / jnp.asarray(rules.divisors)[length],
    )


def _best_of(first: Decoded, second: Decoded, num_hypotheses: int) -> Decoded:
    """The best of both lists by score; equals go to the first list."""
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), first, second)
    _, places_BN = jax.lax.top_k(both.scores, num_hypotheses)
    return _gather_beams(both, places_BN)
