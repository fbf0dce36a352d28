"""A stage trains over any mesh as it does on one device, and is compiled once."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import parity
import pytest
import tiny

from epik_jax import trees
from epik_jax.data.order import whole
from epik_jax.models import transformer
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes.recipe import Stage, compile_step
from epik_jax.recipes.transliteration.supervised import make_forward
from epik_jax.structs import ModelOutput
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

# For most meshes: a decoder costs as much again to compile.
ENCODER = tiny.config(decoder_layers=0)


def _batches(start, mine=whole):
    for n in itertools.count(start):
        yield jax.tree.map(mine, tiny.batch(seed=n, width_T=5))


def _forward(params, batch, *, key, computing=PLAIN):
    """Names a token at each place of the source."""
    source = (batch["source"], batch["source_mask"])
    how = {"key": key, "computing": computing}
    memory = transformer.encode(params["student"], ENCODER, *source, **how)
    table = params["student"]["embedding"]
    return ModelOutput(jnp.einsum("bsd,vd->bsv", memory.hidden, table))


BOTH = Computing(activations="bfloat16", rematerialise=True)
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


@functools.cache
def updates(name, data, model, computing=PLAIN):
    """What comes of training a network of `NETWORKS` over one mesh."""
    config, stage = NETWORKS[name]
    drawn = {"student": tiny.params(config)}
    return parity.updated(stage, drawn, data, model, computing)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        *(("encoder", shape) for shape in parity.SHAPES),
        ("encoder and decoder", (4, 2)),
    ],
)
def test_any_mesh_trains_as_one_device_does_with_dropout_on(name, shape):
    parity.demand_equal(updates(name, *shape), updates(name, 1, 1))


def test_any_mesh_trains_in_bfloat16_computed_again_as_one_device_does():
    alone, spread = (updates("encoder and decoder", *x, BOTH) for x in ((1, 1), (4, 2)))
    # What is rounded to bfloat16 may be rounded the other way.
    parity.demand_equal(spread, alone, losses=5e-2, params=2e-2)


def test_training_in_bfloat16_goes_down_as_in_float32():
    exact, coarse = (updates("encoder and decoder", 1, 1, x) for x in (PLAIN, BOTH))
    assert 0 < np.abs(coarse.losses - exact.losses).max() < 0.05
    assert coarse.losses[-5:].mean() < coarse.losses[:5].mean() - 0.2
    assert {leaf.dtype for leaf in coarse.params.values()} == {np.dtype("float32")}


def test_the_state_of_training_in_bfloat16_is_float32():
    params = {"student": tiny.params()}
    state, step = compile_step(WHOLE_STAGE, params, make_mesh(1), BOTH)
    after, means = jax.eval_shape(step, state, next(_batches(0)))
    moments = after.opt_state.inner_state[1][0]
    floats = (after.params, moments.mu, moments.nu, means["loss"])
    assert {x.dtype for x in jax.tree.leaves(floats)} == {jnp.dtype("float32")}
    assert [x.dtype for x in jax.tree.leaves(after)] == [
        x.dtype for x in jax.tree.leaves(state)
    ]


def test_training_gives_the_pinned_losses():
    alone = updates("encoder", 1, 1)
    np.testing.assert_allclose(
        alone.losses[[0, 1, 9, 29]],
        [3.055526, 3.235525, 2.711993, 2.689765],
        atol=1e-3,
        err_msg="The same seed and batches train to other losses than they did: the "
        "network, dropout, the objective, the optimizer or the order of keys has "
        "changed. Where that is wanted, say so in CHANGELOG.md and pin the new ones.",
    )


def test_the_state_is_born_split_over_the_mesh():
    mesh = make_mesh(1, 8)
    params = {"student": tiny.params(ENCODER)}
    state, _ = compile_step(ENCODER_STAGE, params, mesh)
    kernel = ("encoder", "block_00", "feed_forward", "inner", "kernel")
    for tree in (state.params, state.opt_state.inner_state[1][0].mu):
        leaf = trees.flatten(tree)["/".join(("student", *kernel))]
        assert {s.data.shape for s in leaf.addressable_shards} == {(16, 4)}
