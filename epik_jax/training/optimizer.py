"""From an optimizer's settings to an optax transformation.

Weight decay touches kernels and tables alone. An update that is not finite is skipped
and counted; the loop stops where many are.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import jax
import optax

from epik_jax.bounds import demand, within

MAX_SKIPPED = 2**31 - 1
"""Updates in a row that may be skipped: optax lets one through after these, and
parameters would be NaN for ever. So never; it is the loop that stops a run."""


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """AdamW with a warm-up and a decay.

    Attributes:
      learning_rate: the peak.
      schedule: how the rate falls after the warm-up.
      warmup_steps: steps of linear rise from 0.
      final_share: what is left of the peak when a cosine or linear decay ends.
      weight_decay: decoupled decay of kernels and tables, times the rate.
      max_gradient_norm: gradients are scaled down to it.
      beta1: decay of the first moment.
      beta2: decay of the second moment.
    """

    learning_rate: float = 1e-3
    schedule: Literal["cosine", "linear", "inverse_sqrt", "constant"] = "cosine"
    warmup_steps: int = 500
    final_share: float = 0.02
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.98

    def __post_init__(self) -> None:
        """Refuses what would only show after an hour of training."""
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate {self.learning_rate} is not positive")
        if not self.max_gradient_norm > 0:
            value = self.max_gradient_norm
            raise ValueError(f"max_gradient_norm {value} is not positive")
        demand(self, 0, "warmup_steps")
        within(self, 0.0, 1.0, "final_share", "weight_decay", "beta1", "beta2")
        if self.schedule not in ("cosine", "linear", "inverse_sqrt", "constant"):
            raise ValueError(f"schedule {self.schedule!r} is not known")


def make_schedule(config: OptimizerConfig, num_steps: int) -> optax.Schedule:
    """The learning rate at each step of a stage of `num_steps`."""
    peak, warmup = config.learning_rate, min(config.warmup_steps, num_steps // 2)
    rest = max(num_steps - warmup, 1)
    rise = optax.linear_schedule(0.0, peak, warmup)
    falls = {
        "cosine": optax.cosine_decay_schedule(peak, rest, config.final_share),
        "linear": optax.linear_schedule(peak, peak * config.final_share, rest),
        "inverse_sqrt": lambda step: peak * (1 + step / max(warmup, 1)) ** -0.5,
        "constant": optax.constant_schedule(peak),
    }
    return optax.join_schedules([rise, falls[config.schedule]], [warmup])


def make_optimizer(
    config: OptimizerConfig, num_steps: int
) -> optax.GradientTransformation:
    """The update rule of a stage of `num_steps`."""
    chain = optax.chain(
        optax.clip_by_global_norm(config.max_gradient_norm),
        optax.adamw(
            make_schedule(config, num_steps),
            b1=config.beta1,
            b2=config.beta2,
            weight_decay=config.weight_decay,
            mask=_decayed,
        ),
    )
    return optax.apply_if_finite(chain, MAX_SKIPPED)


def _decayed(params: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)
