"""Updates of a stage over any mesh, for tests that meshes change nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
from collections.abc import Iterator

import jax
import numpy as np

from epik_jax import trees
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.parallel import mesh as meshes
from epik_jax.parallel import processes
from epik_jax.recipes.recipe import Stage, compile_step
from epik_jax.structs import Params

NUM_UPDATES = 30
SHAPES = ((8, 1), (4, 2), (2, 4), (1, 8))


@dataclasses.dataclass
class Run:
    """What updates over one mesh have come to."""

    losses: np.ndarray
    params: dict[str, np.ndarray]
    start: object
    end: object
    compilations: list[str]


class _Listener(logging.Handler):
    """Keeps what JAX says of its compilations."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextlib.contextmanager
def _compilations() -> Iterator[list[str]]:
    listener, logger = _Listener(), logging.getLogger("jax")
    logger.addHandler(listener)
    with jax.log_compiles():
        yield listener.said
    logger.removeHandler(listener)


def updated(
    stage: Stage,
    params: Params,
    data: int,
    model: int,
    computing: Computing = PLAIN,
) -> Run:
    """What comes of the first updates of a stage over one mesh."""
    mesh = meshes.make_mesh(data, model)
    state, step = compile_step(stage, params, mesh, computing)
    start = jax.tree.map(lambda x: x.sharding, state)
    own = stage.batches(0, meshes.own_share(mesh))
    drawn = itertools.islice(own, NUM_UPDATES)
    batches = [meshes.to_global(mesh, batch) for batch in drawn]
    state, means = step(state, batches[0])
    losses = [means["loss"]]
    with _compilations() as compilations:
        for batch in batches[1:]:
            state, means = step(state, batch)
            losses.append(means["loss"])
    leaves = trees.flatten(processes.fetched(state.params))
    values = np.array([float(m.total / m.count) for m in jax.device_get(losses)])
    end = jax.tree.map(lambda x: x.sharding, state)
    return Run(values, leaves, start, end, compilations)


def demand_equal(
    run: Run, alone: Run, losses: float = 5e-5, params: float = 1e-5
) -> None:
    """Refuses what differs by more than rounding, and a second compilation.

    Args:
      run: over a mesh.
      alone: on one device.
      losses: most that these may differ by.
      params: the same, of their norm.
    """
    np.testing.assert_allclose(run.losses, alone.losses, atol=losses, rtol=0)
    # The bias of keys moves all logits of a query alike, so that its gradient is
    # rounding error, which Adam makes large: it differs, and does nothing.
    ours, theirs = (
        np.concatenate(
            [x.ravel() for p, x in each.params.items() if not p.endswith("key/bias")]
        )
        for each in (run, alone)
    )
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < params
    # An update gives its state back lying as it found it, so nothing is compiled anew.
    assert jax.tree.leaves(run.start) == jax.tree.leaves(run.end)
    assert run.compilations == []
