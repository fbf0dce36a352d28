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


_SCHEDULES = ("cosine", "linear", "inverse_sqrt", "constant", "sgdr")


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """AdamW with a warm-up and a decay.

    Attributes:
      learning_rate: the peak.
      schedule: how the rate falls after the warm-up; "sgdr" is a cosine with warm
        restarts (Loshchilov and Hutter 2017).
      warmup_steps: steps of linear rise from 0.
      final_share: what is left of the peak when a cosine or linear decay ends.
      restart_period: steps of the first cosine of "sgdr".
      restart_growth: each later one is so many times as long.
      restart_peak: and begins at so much of the peak before.
      weight_decay: decoupled decay of kernels and tables, times the rate.
      max_gradient_norm: gradients are scaled down to it.
      beta1: decay of the first moment.
      beta2: decay of the second moment.
    """

    learning_rate: float = 1e-3
    schedule: Literal["cosine", "linear", "inverse_sqrt", "constant", "sgdr"] = "cosine"
    warmup_steps: int = 500
    final_share: float = 0.02
    restart_period: int = 0
    restart_growth: float = 2.0
    restart_peak: float = 0.97
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
        within(self, 0.0, 1.0, "final_share", "weight_decay")
        for name in ("beta1", "beta2"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} is {value}, it has to be from 0 to below 1")
        if self.schedule not in _SCHEDULES:
            raise ValueError(f"schedule {self.schedule!r} is none of {_SCHEDULES}")
        demand(self, 0, "restart_period")
        within(self, 1.0, 100.0, "restart_growth")
        within(self, 0.01, 1.0, "restart_peak")
        if (self.schedule == "sgdr") != bool(self.restart_period):
            raise ValueError(
                f"schedule {self.schedule!r} with restart_period "
                f"{self.restart_period}: 'sgdr' needs one, the others have none"
            )


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
    if config.schedule == "sgdr":
        falls["sgdr"] = _restarting(config, rest)
    return optax.join_schedules([rise, falls[config.schedule]], [warmup])


def _restarting(config: OptimizerConfig, num_steps: int) -> optax.Schedule:
    """Cosines one after the other until `num_steps` are over."""
    peak, period = config.learning_rate, float(config.restart_period)
    falls, borders, end = [], [], 0
    while end < num_steps:
        steps = round(period)
        falls.append(optax.cosine_decay_schedule(peak, steps, config.final_share))
        end += steps
        borders.append(end)
        peak, period = peak * config.restart_peak, period * config.restart_growth
    return optax.join_schedules(falls, borders[:-1])


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
