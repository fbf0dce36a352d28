"""Per-element losses: what a student is asked to do, one number per element.

Values come out float32, neither masked nor averaged nor weighted; `objective` does
that once for all of them.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from epik_jax.structs import Array


def hard_ce(logits_BTV: Array, labels_BT: Array, *, smoothing: float = 0.0) -> Array:
    """Cross-entropy with integer labels, optionally smoothed.

    Args:
      logits_BTV: raw student logits.
      labels_BT: int32 ids.
      smoothing: share of the target spread evenly over all V classes, in [0, 1).

    Returns:
      [B, T] float32, in nats.
    """
    log_probs = jax.nn.log_softmax(logits_BTV.astype(jnp.float32), axis=-1)
    picked = jnp.take_along_axis(log_probs, labels_BT[..., None], axis=-1)[..., 0]
    if smoothing == 0.0:
        return -picked
    return -(1.0 - smoothing) * picked - smoothing * jnp.mean(log_probs, axis=-1)


def soft_kl(
    student_logits_BTV: Array, teacher_log_probs_BTV: Array, *, temperature: float
) -> Array:
    """KL(teacher || student) at each position, softened and rescaled.

    The square of the temperature keeps the gradient's size independent of it (Hinton
    et al. 2015, section 2).

    Args:
      student_logits_BTV: raw student logits.
      teacher_log_probs_BTV: the teacher's log-probabilities over the same vocabulary;
        very negative where the teacher rules a token out, never -inf.
      temperature: positive; both sides are divided by it and renormalised.

    Returns:
      [B, T] float32, in nats times temperature squared.
    """
    student = student_logits_BTV.astype(jnp.float32) / temperature
    teacher = teacher_log_probs_BTV.astype(jnp.float32) / temperature
    return temperature**2 * optax.losses.kl_divergence_with_log_targets(
        jax.nn.log_softmax(student, axis=-1), jax.nn.log_softmax(teacher, axis=-1)
    )


def hidden_mse(student_BLD: Array, teacher_BLD: Array) -> Array:
    """Mean squared difference of hidden states over their width: [B, L]."""
    difference = student_BLD.astype(jnp.float32) - teacher_BLD.astype(jnp.float32)
    return jnp.mean(jnp.square(difference), axis=-1)


def hidden_cosine(student_BLD: Array, teacher_BLD: Array) -> Array:
    """One minus the cosine of hidden states: [B, L], between 0 and 2."""
    return 1.0 - optax.losses.cosine_similarity(
        student_BLD.astype(jnp.float32), teacher_BLD.astype(jnp.float32), epsilon=1e-6
    )


def hidden_kl(student_BLD: Array, teacher_BLD: Array) -> Array:
    """KL(teacher || student) of the softmax over features: [B, L], in nats.

    XtremeDistil (Mukherjee and Awadallah 2020, equation 5) asks for a divergence of
    hidden states and does not say how they become distributions; this is one way.
    """
    return optax.losses.kl_divergence_with_log_targets(
        jax.nn.log_softmax(student_BLD.astype(jnp.float32), axis=-1),
        jax.nn.log_softmax(teacher_BLD.astype(jnp.float32), axis=-1),
    )


def hidden_clipped_kl(student_BLD: Array, teacher_BLD: Array) -> Array:
    """What the code of XtremeDistil minimised, for reproduction alone: [B, L].

    Raw states are cut to [1e-7, 1] and put into t * log(t / s), summed over features.
    They are no distributions: a negative state becomes 1e-7, a large one 1, and where
    the student's is cut it gets no gradient.
    """
    student, teacher = (
        jnp.clip(hidden.astype(jnp.float32), 1e-7, 1.0)
        for hidden in (student_BLD, teacher_BLD)
    )
    return jnp.sum(teacher * jnp.log(teacher / student), axis=-1)


def logit_mse(student_logits: Array, teacher_logits: Array) -> Array:
    """Mean squared difference of raw logits over classes (XtremeDistil, equation 4).

    Args:
      student_logits: [..., C].
      teacher_logits: [..., C], before any softmax.

    Returns:
      float32 [...]; the paper has half the sum over classes, which is C/2 times this.
    """
    difference = student_logits.astype(jnp.float32) - teacher_logits.astype(jnp.float32)
    return jnp.mean(jnp.square(difference), axis=-1)


def prob_mse(student_logits: Array, teacher_logits: Array) -> Array:
    """Mean squared difference of probabilities over classes.

    What TMKD asks of a header (Yang et al. 2020, section 3; of two classes the paper
    has one score, whose square is this).

    Args:
      student_logits: [..., C].
      teacher_logits: [..., C], logits or log-probabilities.

    Returns:
      float32 [...], at most 1.
    """
    student, teacher = (
        jax.nn.softmax(logits.astype(jnp.float32), axis=-1)
        for logits in (student_logits, teacher_logits)
    )
    return jnp.mean(jnp.square(student - teacher), axis=-1)


def log_prob_mse(student_logits: Array, teacher_logits: Array) -> Array:
    """Mean squared difference of log-probabilities over classes.

    Arguments and shape are those of `prob_mse`.
    """
    student, teacher = (
        jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1)
        for logits in (student_logits, teacher_logits)
    )
    return jnp.mean(jnp.square(student - teacher), axis=-1)


def soft_ce(student_logits: Array, teacher_logits: Array) -> Array:
    """Cross-entropy with the teacher's probabilities, in nats.

    Arguments and shape are those of `prob_mse`.
    """
    log_probs = jax.nn.log_softmax(student_logits.astype(jnp.float32), axis=-1)
    teacher = jax.nn.softmax(teacher_logits.astype(jnp.float32), axis=-1)
    return -jnp.sum(teacher * log_probs, axis=-1)


def pooled(hidden_BLD: Array, mask_BL: Array) -> Array:
    """The mean state over real positions: [B, 1, D]; padding may be NaN."""
    real_BL1 = mask_BL[..., None]
    kept_BLD = jnp.where(real_BL1, hidden_BLD.astype(jnp.float32), 0.0)
    counts_B11 = jnp.sum(real_BL1, axis=1, keepdims=True, dtype=jnp.float32)
    return jnp.sum(kept_BLD, axis=1, keepdims=True) / jnp.maximum(counts_B11, 1.0)


def gate_ce(gate_logits_BL: Array, active_BL: Array) -> Array:
    """Cross-entropy of active slots: [B, L], in nats."""
    return optax.losses.sigmoid_binary_cross_entropy(
        gate_logits_BL.astype(jnp.float32), active_BL.astype(jnp.float32)
    )
