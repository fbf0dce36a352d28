"""A program of a recipe before it is compiled: shapes in the place of arrays.

What a stage trains by and what a network answers with go in; what a compiler takes
comes out. Nothing is read, drawn or trained for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from epik_jax.models.computing import Computing
from epik_jax.objectives.objective import Objective, Term
from epik_jax.parallel import mesh as meshes
from epik_jax.parallel import rules
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.masked import HIDDEN_SHARE
from epik_jax.recipes.recipe import Stage, placed_step
from epik_jax.structs import Batch, Params
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig
from epik_jax.training.step import Forward


@dataclasses.dataclass(frozen=True)
class Program:
    """What is compiled once for a shape.

    Attributes:
      name: for people.
      lower: what the compiler takes.
      params: tree of shapes of the parameters that it takes.
      rows: of a batch, over all devices.
      widths: padded lengths that a run compiles it for; it is of the longest.
      head_width: of attention, where there is any.
    """

    name: str
    lower: Callable[[], jax.stages.Lowered]
    params: Params
    rows: int
    widths: tuple[Any, ...]
    head_width: int | None = None


def shape(dtype: Any, *dims: int) -> jax.ShapeDtypeStruct:
    """An array that is not there."""
    return jax.ShapeDtypeStruct(dims, np.dtype(dtype))


def placed(params: Params, mesh: Mesh) -> Params:
    """Shapes of parameters with the places where they lie."""

    def lying(leaf: jax.ShapeDtypeStruct, sharding: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    found: Params = jax.tree.map(lying, params, rules.shardings(mesh, params))
    return found


def hidden_places(rows: int, width: int) -> Batch:
    """Shapes of what `masked.hide_pieces` adds to a batch, or puts in its place."""
    places = max(1, round(HIDDEN_SHARE * width))
    return {
        "places": shape("int32", rows, places),
        "labels": shape("int32", rows, places),
        "label_mask": shape("bool", rows, places),
    }


def unfed(
    forward: Forward,
    objective: Objective,
    trainable: tuple[str, ...],
    optimizer: OptimizerConfig,
    loop: LoopConfig,
) -> Stage:
    """A stage as far as its update depends on it: it has no batches."""
    return Stage(
        name="unfed",
        batches=lambda start, mine=None: iter(()),
        forward=forward,
        objective=objective,
        trainable=trainable,
        optimizer=optimizer,
        loop=loop,
        seed=0,
        inputs={},
    )


def leg_update(
    name: str,
    params: Params,
    batch: Batch,
    forward: Forward,
    terms: tuple[Term, ...],
    leg: LegConfig,
    mesh: Mesh,
    computing: Computing,
    head_width: int | None,
) -> Program:
    """The update of a leg in which all that is in `params` moves."""
    moving = tuple(f"^{part}/" for part in params)
    stage = unfed(forward, Objective(terms), moving, leg.optimizer, leg.loop)
    lower = update(stage, params, batch, mesh, computing)
    rows, widths = leg.batches.batch_size, leg.batches.widths
    return Program(name, lower, params, rows, widths, head_width)


def update(
    stage: Stage, params: Params, batch: Batch, mesh: Mesh, computing: Computing
) -> Callable[[], jax.stages.Lowered]:
    """The update of a stage, as a run compiles it.

    Args:
      stage: what is trained, and how.
      params: tree of shapes.
      batch: shapes of a host batch.
      mesh: what it is compiled for; a batch that does not split over it is refused
        once it is lowered.
      computing: how activations are computed.
    """

    def lower() -> jax.stages.Lowered:
        rows, parts = batch["weight"].shape[0], stage.loop.num_microbatches
        meshes.demand_split(mesh, rows, parts)
        init, _, step = placed_step(stage, params, mesh, computing)
        lowered: jax.stages.Lowered = step.lower(jax.eval_shape(init, params), batch)
        return lowered

    return lower
