"""Which tokens may follow, and what their log-probabilities then are.

In go a model's logits and a rule of the form "token j may follow token i", out come
log-probabilities of the constrained distribution. It does not know scripts or text: the
table of what may follow is made where the vocabulary is known.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from epik_jax.structs import AllowFn, Array

# Stands for the log-probability of what cannot happen. Finite, because -inf - -inf is
# NaN; small enough that sums over any length stay exact to well below half of it.
IMPOSSIBLE = -1e7


def is_possible(log_probs: jax.Array) -> jax.Array:
    """True where a sum of log-probabilities holds no impossible step."""
    return log_probs > IMPOSSIBLE / 2


def make_allow(follow_LVV: Array, target_lang_B: Array) -> AllowFn:
    """Makes the rule of each row from one table per language.

    Args:
      follow_LVV: bool, [l, i, j] true where token j may follow token i in language l;
        the row of the start token says what may come first.
      target_lang_B: int32, the language of each row of the batch.

    Returns:
      A function from last tokens int32 [B, W] to bool [B, W, V].

    Raises:
      ValueError: if the shapes are not [L, V, V] and [B].
    """
    shape = jnp.shape(follow_LVV)
    if len(shape) != 3 or shape[1] != shape[2] or jnp.ndim(target_lang_B) != 1:
        raise ValueError(
            "expected a table [L, V, V] and languages [B], got shapes "
            f"{shape} and {jnp.shape(target_lang_B)}"
        )
    table_LVV = jnp.asarray(follow_LVV, dtype=bool)
    lang_B1 = jnp.asarray(target_lang_B)[:, None]

    def allow(tokens_BW: Array) -> jax.Array:
        lang_BW = jnp.broadcast_to(lang_B1, tokens_BW.shape)
        return table_LVV[lang_BW, tokens_BW]  # [L, V, V] -> [B, W, V]

    return allow


def next_log_probs(
    logits_BWV: Array,
    tokens_BW: Array,
    allow: AllowFn | None,
    *,
    eos_id: int,
    pad_id: int,
) -> jax.Array:
    """Log-probabilities of the next token under the constraint.

    With a constraint they are those of the model's distribution restricted to what may
    follow and renormalised, so that the hypotheses' probabilities still sum to one.
    Where nothing at all may follow, the hypothesis can only end. Padding is never
    proposed; without a constraint nothing is renormalised for that, so the values are
    the model's own and agree with a loss computed over the whole vocabulary.

    Args:
      logits_BWV: raw logits of any float type; -inf is accepted.
      tokens_BW: int32, the token before.
      allow: the constraint, or None.
      eos_id: id of the end token.
      pad_id: id of padding.

    Returns:
      float32 [B, W, V]; `IMPOSSIBLE` for padding and for what may not follow.
    """
    logits_BWV = jnp.maximum(jnp.asarray(logits_BWV, dtype=jnp.float32), IMPOSSIBLE)
    vocabulary = jnp.arange(logits_BWV.shape[-1])[None, None, :]
    proposed = jnp.broadcast_to(vocabulary != pad_id, logits_BWV.shape)
    if allow is not None:
        proposed = proposed & allow(tokens_BW)
        stuck = ~jnp.any(proposed, axis=-1, keepdims=True)
        proposed = proposed | (stuck & (vocabulary == eos_id))
        logits_BWV = jnp.where(proposed, logits_BWV, IMPOSSIBLE)
    log_probs_BWV = jax.nn.log_softmax(logits_BWV, axis=-1)
    # Masked again: a model may itself have ruled out all that is allowed, and then
    # the softmax spreads over the forbidden tokens too.
    return jnp.where(proposed, log_probs_BWV, IMPOSSIBLE)
