"""One update: the only place where a loss is differentiated.

A pure function of a state and a batch. Its caller compiles it, places its arrays and
donates the state.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax

from epik_jax import trees
from epik_jax.means import Mean
from epik_jax.objectives.objective import Objective
from epik_jax.structs import Array, Batch, Params
from epik_jax.training.microbatches import summed_over_parts
from epik_jax.training.state import TrainState

Forward: TypeAlias = Callable[..., Any]
"""(params, batch, *, key) -> outputs that the objective's terms know."""

SKIPPED_IN_A_ROW = "skipped_in_a_row"
"""Among the means of a step, and no mean: up to it, so many updates were skipped."""

StepMeans: TypeAlias = dict[str, Mean]
TrainStep: TypeAlias = Callable[[TrainState, Batch], tuple[TrainState, StepMeans]]


def init_state(
    params: Params,
    optimizer: optax.GradientTransformation,
    trainable: Sequence[str],
    seed: int,
) -> TrainState:
    """The state before the first step of a stage.

    Args:
      params: the whole tree.
      optimizer: its state is made for the trainable leaves alone.
      trainable: path patterns of the leaves that move.
      seed: of this stage's dropout.
    """
    chosen, _ = trees.partition(params, trainable)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=optimizer.init(chosen),
        key=jax.random.key(seed),
    )


def make_train_step(
    forward: Forward,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    trainable: Sequence[str],
    *,
    num_microbatches: int = 1,
) -> TrainStep:
    """Builds the update of one stage.

    Args:
      forward: the student's forward pass with dropout.
      objective: what is minimised.
      optimizer: from `make_optimizer`; it counts what it skips.
      trainable: path patterns of the leaves that move; no gradient is computed for
        the others.
      num_microbatches: parts of a batch that are passed through one after the other.

    Returns:
      (state, batch) -> next state, and means by name: every term, "loss",
      "gradient_norm" and `SKIPPED_IN_A_ROW`.
    """

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, StepMeans]:
        moving, frozen = trees.partition(state.params, trainable)
        key = jax.random.fold_in(state.key, state.step)

        def loss_of(
            moving: dict[str, Array],
            part: Batch,
            key: Array,
            counts: Mapping[str, Array] | None = None,
        ) -> tuple[Array, StepMeans]:
            params = trees.unflatten(frozen | moving)
            return objective(forward(params, part, key=key), part, counts)

        def counts_of(part: Batch) -> dict[str, Array]:
            means = loss_of(moving, part, key)[1]
            return {name: mean.count for name, mean in means.items()}

        gradient_of = jax.value_and_grad(loss_of, has_aux=True)
        if num_microbatches == 1:
            (loss, means), gradients = gradient_of(moving, batch, key)
        else:
            (loss, means), gradients = summed_over_parts(
                counts_of,
                functools.partial(gradient_of, moving),
                *(batch, key, num_microbatches),
            )
        updates, opt_state = optimizer.update(gradients, state.opt_state, moving)
        moving = optax.apply_updates(moving, updates)
        one = jnp.ones(())
        means |= {
            "loss": Mean(loss, one),
            "gradient_norm": Mean(optax.tree.norm(gradients), one),
            SKIPPED_IN_A_ROW: Mean(opt_state.notfinite_count, one),
        }
        params = trees.unflatten(frozen | moving)
        return TrainState(state.step + 1, params, opt_state, state.key), means

    return train_step
