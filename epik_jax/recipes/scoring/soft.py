"""Learning from teachers' answers: how much each counts, and the term of the objective.

Settings and answers go in; arrays for batches and a term come out.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.scorer import score
from epik_jax.models.scorer_config import ScorerConfig
from epik_jax.objectives import terms
from epik_jax.objectives.objective import Term
from epik_jax.recipes.scoring.signals import Voices
from epik_jax.recipes.scoring.student_config import SoftConfig
from epik_jax.structs import Array, Batch, ModelOutput, Params
from epik_jax.training.step import Forward

_PACE = 50.0
"""How much faster weights of voices move than a parameter of the student: Adam's steps
are of one size, and a logarithm has further to go."""

_LOSSES: dict[tuple[str, str], Callable[..., Array]] = {
    ("prob", "mse"): terms.prob_mse,
    ("logit", "mse"): terms.logit_mse,
    ("log_prob", "mse"): terms.log_prob_mse,
    ("prob", "ce"): terms.soft_ce,
}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Heard:
    """What a student says, and how hard it finds each of its teachers.

    Attributes:
      logits: float32 [B, M, C], of people's header and those of the voices.
      log_variances: float32 [M - 1] of the voices, in units of 1/`_PACE`, where weights
        are learnt; else None.
    """

    logits: Array
    log_variances: Array | None = None


def make_hearing_forward(config: ScorerConfig) -> Forward:
    """The student's forward pass; whatever "bridge" holds goes beside its logits."""

    def forward(
        params: Params, batch: Batch, *, key: Array | None, computing: Computing = PLAIN
    ) -> ModelOutput:
        shown = (batch["tokens"], batch["token_mask"], batch["types"])
        student = params["student"]
        logits = score(student, config, *shown, key=key, computing=computing)
        learnt = params.get("bridge", {}).get("voices", {}).get("log_variance")
        return Heard(logits, learnt)  # type: ignore[return-value]

    return forward


def voice_weights(
    soft: SoftConfig, voices: Voices, figures: Sequence[float]
) -> np.ndarray:
    """How much each voice counts for each pair.

    Args:
      soft: settings.
      voices: N pairs.
      figures: M, of each voice on dev lists; needed where they count by these.

    Returns:
      float32 [N, M], 0 where a voice was not asked; over those asked their mean is 1.
    """
    N, M = voices.asked.shape
    if soft.weighing == "fixed":
        if len(soft.weights) != M:
            raise ValueError(
                f"soft.weights {soft.weights} are not one for each of {M} voices"
            )
        plain = np.tile(np.array(soft.weights, np.float64), (N, 1))
    elif soft.weighing == "accuracy":
        plain = np.tile(np.maximum(np.array(figures, np.float64), 1e-6), (N, 1))
    elif soft.weighing == "confidence":
        whole = np.logaddexp.reduce(voices.logits.astype(np.float64), axis=-1)
        plain = np.exp(voices.logits.max(axis=-1) - whole)
    else:
        plain = np.ones((N, M))
    plain = np.where(voices.asked, plain, 0.0)
    count = voices.asked.sum(axis=1, keepdims=True)
    return (plain * count / np.maximum(plain.sum(axis=1, keepdims=True), 1e-12)).astype(
        np.float32
    )


def voice_shapes(soft: SoftConfig, num_voices: int) -> dict[str, Any]:
    """What trains beside the student, as shapes."""
    if soft.weighing != "learned" or not num_voices:
        return {}
    shape = jax.ShapeDtypeStruct((num_voices,), jnp.float32)
    return {"bridge": {"voices": {"log_variance": shape}}}


def soft_term(soft: SoftConfig, weight: float = 1.0) -> Term:
    """What voices' headers are asked: the mean over the voices that were.

    Values are [B, M]. Where weights are learnt, that of a voice follows from s, which
    minimises exp(-s) * loss + s, as in Kendall et al. 2018, equation 10, but for a
    factor: a voice that is hard to learn counts less. Beside the student's loss that is
    a value of 0 with a gradient, so that losses compare; and weights have mean 1, so
    that `ratio` means the same.
    """
    loss: Callable[..., Array] = functools.partial(_kl, temperature=soft.temperature)
    if soft.loss != "kl":
        loss = _LOSSES[soft.space, soft.loss]

    def values(outputs: Heard, batch: Batch) -> tuple[Array, Array]:
        found_BM = loss(outputs.logits[:, 1:], batch["voices"])
        found_BM = found_BM * batch["voice_weights"]
        if outputs.log_variances is not None:
            found_BM = _by_ease(found_BM, _PACE * outputs.log_variances[None])
        return found_BM, batch["asked"]

    return Term(soft.name, values, weight)


def _by_ease(losses_BM: Array, hard_1M: Array) -> Array:
    """Losses of voices, each by its weight; and a gradient towards these weights."""
    fixed = jax.lax.stop_gradient
    shares_1M = jax.nn.softmax(-fixed(hard_1M), axis=-1)
    weighed_BM = losses_BM * shares_1M * hard_1M.shape[-1]
    settling_BM = jnp.exp(-hard_1M) * fixed(losses_BM) + hard_1M
    return weighed_BM + settling_BM - fixed(settling_BM)


def _kl(student: Array, teacher: Array, *, temperature: float) -> Array:
    logs = jax.nn.log_softmax(jnp.asarray(teacher, jnp.float32), axis=-1)
    return terms.soft_kl(student, logs, temperature=temperature)
