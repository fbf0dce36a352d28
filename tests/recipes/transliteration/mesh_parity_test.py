"""A stage trains over any mesh as it does on one device, and is compiled once."""

import contextlib
import dataclasses
import functools
import itertools
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from epik_jax import trees
from epik_jax.models import transformer
from epik_jax.parallel import mesh as meshes
from epik_jax.recipes.recipe import Stage, compile_step
from epik_jax.recipes.transliteration.supervised import make_forward
from epik_jax.structs import ModelOutput
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

# For most meshes: a decoder costs as much again to compile.
ENCODER = tiny.config(decoder_layers=0)


def _batches(start):
    return (tiny.batch(seed=n, width_T=5) for n in itertools.count(start))


def _forward(params, batch, *, key):
    """Names a token at each place of the source."""
    memory = transformer.encode(
        params["student"], ENCODER, batch["source"], batch["source_mask"], key=key
    )
    table = params["student"]["embedding"]
    return ModelOutput(jnp.einsum("bsd,vd->bsv", memory.hidden, table))


ENCODER_STAGE = Stage(
    name="first",
    batches=_batches,
    forward=_forward,
    objective=tiny.OBJECTIVE,
    trainable=("^student/",),
    optimizer=OptimizerConfig(1e-2, warmup_steps=5),
    loop=LoopConfig(num_steps=30),
    seed=0,
    inputs={"data": "d0", "model": repr(ENCODER)},
)


WHOLE_STAGE = dataclasses.replace(
    ENCODER_STAGE, forward=make_forward(tiny.CONFIG, tiny.PAD)
)
NETWORKS = {
    "encoder": (ENCODER, ENCODER_STAGE),
    "encoder and decoder": (tiny.CONFIG, WHOLE_STAGE),
}


@dataclasses.dataclass
class _Run:
    """What 30 updates over one mesh have come to."""

    losses: np.ndarray
    params: dict[str, np.ndarray]
    start: object
    end: object
    compilations: list[str]


class _Listener(logging.Handler):
    """Keeps what JAX says of its compilations."""

    def __init__(self):
        super().__init__()
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


@contextlib.contextmanager
def _compilations():
    listener, logger = _Listener(), logging.getLogger("jax")
    logger.addHandler(listener)
    with jax.log_compiles():
        yield listener.said
    logger.removeHandler(listener)


@functools.cache
def _updates(name, data, model):
    """What comes of training a network of `NETWORKS` over one mesh."""
    config, stage = NETWORKS[name]
    mesh = meshes.make_mesh(data, model)
    state, step = compile_step(stage, {"student": tiny.params(config)}, mesh)
    start = jax.tree.map(lambda x: x.sharding, state)
    batches = [meshes.to_global(mesh, b) for b in itertools.islice(_batches(0), 30)]
    state, means = step(state, batches[0])
    losses = [means["loss"]]
    with _compilations() as compilations:
        for batch in batches[1:]:
            state, means = step(state, batch)
            losses.append(means["loss"])
    params = trees.flatten(jax.device_get(state.params))
    values = np.array([float(m.total / m.count) for m in jax.device_get(losses)])
    end = jax.tree.map(lambda x: x.sharding, state)
    return _Run(values, params, start, end, compilations)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        *(("encoder", shape) for shape in ((8, 1), (4, 2), (2, 4), (1, 8))),
        ("encoder and decoder", (4, 2)),
    ],
)
def test_any_mesh_trains_as_one_device_does_with_dropout_on(name, shape):
    alone, run = _updates(name, 1, 1), _updates(name, *shape)
    np.testing.assert_allclose(run.losses, alone.losses, atol=5e-5, rtol=0)
    # The bias of keys moves all logits of a query alike, so that its gradient is
    # rounding error, which Adam makes large: it differs, and does nothing.
    ours, theirs = (
        np.concatenate(
            [x.ravel() for p, x in each.params.items() if not p.endswith("key/bias")]
        )
        for each in (run, alone)
    )
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 1e-5
    # An update gives its state back lying as it found it, so nothing is compiled anew.
    assert jax.tree.leaves(run.start) == jax.tree.leaves(run.end)
    assert run.compilations == []


def test_training_gives_the_pinned_losses():
    alone = _updates("encoder", 1, 1)
    np.testing.assert_allclose(
        alone.losses[[0, 1, 9, 29]],
        [3.055526, 3.235525, 2.711993, 2.689765],
        atol=1e-3,
        err_msg="The same seed and batches train to other losses than they did: the "
        "network, dropout, the objective, the optimizer or the order of keys has "
        "changed. Where that is wanted, say so in CHANGELOG.md and pin the new ones.",
    )


def test_the_state_is_born_split_over_the_mesh():
    mesh = meshes.make_mesh(1, 8)
    params = {"student": tiny.params(ENCODER)}
    state, _ = compile_step(ENCODER_STAGE, params, mesh)
    kernel = ("encoder", "block_00", "feed_forward", "inner", "kernel")
    for tree in (state.params, state.opt_state.inner_state[1][0].mu):
        leaf = trees.flatten(tree)["/".join(("student", *kernel))]
        assert {s.data.shape for s in leaf.addressable_shards} == {(16, 4)}
