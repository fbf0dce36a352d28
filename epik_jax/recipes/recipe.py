"""A recipe is a tuple of stages, walked through one loop.

A stage names its batches, its forward pass, its objective, what may move, its optimizer
and its length. The runner compiles the update over the mesh, resumes what was begun and
hands the parameters on. What is distilled is no business of this file.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import jax
from jax.sharding import Mesh

from epik_jax import trees
from epik_jax.data.order import Share, whole
from epik_jax.files import write_whole
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.objectives.objective import Objective
from epik_jax.parallel import mesh as meshes
from epik_jax.parallel import processes, rules
from epik_jax.structs import Batch, Params
from epik_jax.training.checkpoint import Checkpoints
from epik_jax.training.loop import LoopConfig, Surroundings, train
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.optimizer import OptimizerConfig, make_optimizer
from epik_jax.training.state import TrainState
from epik_jax.training.step import Forward, TrainStep, init_state, make_train_step
from epik_jax.training.stop import StopFlag


class Batches(Protocol):
    """The stream of a stage's host batches from a given step on."""

    def __call__(self, start: int, mine: Share = whole, /) -> Iterator[Batch]:
        """Yields the rows of `mine` of each batch."""
        ...


class Validate(Protocol):
    """Parameters and the mesh that they lie on -> metrics, with "cost" among them."""

    def __call__(self, params: Params, mesh: Mesh, /) -> dict[str, float]:
        """A lower "cost" is that of better parameters."""
        ...


@dataclasses.dataclass(frozen=True)
class Stage:
    """One leg of training.

    Attributes:
      name: of its folder and its log lines.
      batches: the stream of host batches from a given step on.
      forward: the student's forward pass, which is told by `computing`, too, how.
      objective: what is minimised.
      trainable: path patterns of the parameters that may move.
      optimizer: settings of the update.
      loop: lengths and intervals.
      seed: of dropout.
      inputs: JSON values, digests and settings by name, of all that the batches and
        the forward pass are made of; a checkpoint of other inputs is refused.
      carry_over: what becomes of the parameters of the stage before.
      validate: parameters and the mesh that they lie on -> metrics, of which "cost"
        is lower for better ones.
      validated: digest of what it looks at; where validations choose what the stage
        ends with, a checkpoint of another is refused.
    """

    name: str
    batches: Batches
    forward: Forward
    objective: Objective
    trainable: tuple[str, ...]
    optimizer: OptimizerConfig
    loop: LoopConfig
    seed: int
    inputs: dict[str, Any]
    carry_over: Callable[[Params], Params] = lambda params: params
    validate: Validate | None = None
    validated: str = ""


@dataclasses.dataclass(frozen=True)
class Workplace:
    """Where stages run.

    Attributes:
      folder: of the run.
      mesh: devices.
      log: metrics of the run.
      stop: the wish to stop.
      computing: how activations of what is trained are computed.
    """

    folder: Path
    mesh: Mesh
    log: MetricLog
    stop: StopFlag
    computing: Computing = PLAIN


def digest(value: Any) -> str:
    """sha256 of a JSON value in canonical form."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def run_stages(stages: tuple[Stage, ...], params: Params, at: Workplace) -> Params:
    """Walks the stages; what was finished before is read back, not trained again.

    Args:
      stages: in order; a stage's checkpoints carry the digests of those before it.
      params: what the first stage starts from.
      at: folder, mesh, log and stop flag.

    Returns:
      Parameters after the last stage, on the host.
    """
    before = ""
    for stage in stages:
        at.stop.obey(f"stopped before {stage.name}")
        meta = _meta(stage, before, at.computing)
        params = _run_stage(stage, stage.carry_over(params), meta, at)
        before = digest(meta)
    return params


def compile_step(
    stage: Stage, params: Params, mesh: Mesh, computing: Computing = PLAIN
) -> tuple[TrainState, TrainStep]:
    """The state and the compiled update of a stage, placed on the mesh."""
    init, placed, compiled = placed_step(stage, params, mesh, computing)
    params = jax.tree.map(jax.device_put, dict(params), placed.params)
    return jax.jit(init, out_shardings=placed)(params), compiled


def placed_step(
    stage: Stage, params: Params, mesh: Mesh, computing: Computing = PLAIN
) -> tuple[Callable[[Params], TrainState], Any, Any]:
    """How a stage begins, where its state lies, and its update, to be compiled.

    The update is `jax.jit` with in and out shardings and a donated state: what pjit is
    now.

    Args:
      stage: what is trained, and how.
      params: parameters, or their shapes.
      mesh: devices, or such as are described only.
      computing: how activations are computed.

    Returns:
      From parameters to a state, its shardings, and the update, a `jax.stages.Wrapped`.
    """
    optimizer = make_optimizer(stage.optimizer, stage.loop.num_steps)
    init = functools.partial(
        init_state, optimizer=optimizer, trainable=stage.trainable, seed=stage.seed
    )
    placed = rules.shardings(mesh, jax.eval_shape(init, params))
    step = make_train_step(
        functools.partial(stage.forward, computing=computing),
        *(stage.objective, optimizer, stage.trainable),
        num_microbatches=stage.loop.num_microbatches,
    )
    compiled = jax.jit(
        step,
        in_shardings=(placed, meshes.rows(mesh)),
        out_shardings=(placed, meshes.replicated(mesh)),
        donate_argnums=0,
    )
    return init, placed, compiled


def _run_stage(
    stage: Stage, params: Params, meta: dict[str, Any], at: Workplace
) -> Params:
    folder = at.folder / "stages" / stage.name
    done = folder / "finished.json"
    state, step = compile_step(stage, params, at.mesh, at.computing)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        chosen = checkpoints.best() if stage.loop.keep_best else None
        chosen = checkpoints.newest() if chosen is None else chosen
        finished = _finished(done)
        about = {**meta, "checkpoint": chosen, "finished": finished}
        processes.demand_same(stage.name, about)
        # A finished step that was damaged since is trained again.
        if chosen is not None and finished == {"meta": meta, "step": chosen}:
            logging.info("%s: finished before, reused", stage.name)
            return processes.fetched(checkpoints.restore(chosen, state).params)
        within = Surroundings(
            stage.name, meta, checkpoints, at.log, at.stop, _validator(stage, at.mesh)
        )
        state = train(state, step, _placed(stage, at.mesh), stage.loop, within)
    made = json.dumps({"meta": meta, "step": int(state.step)})
    processes.by_first(f"{stage.name} is finished", write_whole, done, made)
    return processes.fetched(state.params)


def _finished(done: Path) -> dict[str, Any] | None:
    """What a finished stage left; None where it left nothing whole."""
    try:
        return json.loads(done.read_text())  # type: ignore[no-any-return]
    except (FileNotFoundError, ValueError):
        return None


def _placed(stage: Stage, mesh: Mesh) -> Callable[[int], Iterator[Batch]]:
    def stream(start: int) -> Iterator[Batch]:
        parts = stage.loop.num_microbatches
        own = stage.batches(start, meshes.own_share(mesh))
        return (meshes.to_global(mesh, batch, parts) for batch in own)

    return stream


def _validator(
    stage: Stage, mesh: Mesh
) -> Callable[[TrainState], dict[str, float]] | None:
    validate = stage.validate
    if validate is None:
        return None
    return lambda state: validate(state.params, mesh)


def _meta(stage: Stage, before: str, computing: Computing) -> dict[str, Any]:
    """All that the stage's parameters depend on, flat, so that a difference has a name.

    Validations are part of it only where they choose what the stage ends with, and
    activations where they are rounded; that they are computed twice changes nothing.
    """
    loop = stage.loop
    chosen, kept = bool(loop.patience or loop.keep_best), computing.activations
    settings = {
        **stage.inputs,
        "weights": {term.name: term.weight for term in stage.objective.terms},
        "trainable": list(stage.trainable),
        "optimizer": dataclasses.asdict(stage.optimizer),
        "num_steps": loop.num_steps,
        "patience": loop.patience,
        "keep_best": loop.keep_best,
        "validate_every": loop.validate_every if chosen else 0,
        "seed": stage.seed,
        "stages before": before,
        **({"validated": stage.validated} if chosen else {}),
        **({} if kept == PLAIN.activations else {"compute.activations": kept}),
    }
    # As it is read back: JSON has no tuples.
    return trees.flatten(json.loads(json.dumps(settings)))
