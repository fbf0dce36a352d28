"""Which leaf lies where, for parameters and the optimizer's moments alike."""

import jax
import numpy as np
import pytest
import tiny
from jax.sharding import PartitionSpec as P

from epik_jax import trees
from epik_jax.models import transformer
from epik_jax.parallel import rules
from epik_jax.parallel.mesh import make_mesh
from epik_jax.training.optimizer import OptimizerConfig, make_optimizer
from epik_jax.training.step import init_state

BLOCK = "student/decoder/block_00"


@pytest.fixture(scope="module")
def specs():
    """PartitionSpecs by path of a whole training state over two model devices."""
    shapes = {"student": transformer.parameter_shapes(tiny.CONFIG)}
    optimizer = make_optimizer(OptimizerConfig(), 10)
    state = jax.eval_shape(lambda p: init_state(p, optimizer, ("",), 0), shapes)
    placed = rules.shardings(make_mesh(1, 2), state)
    paths = jax.tree_util.tree_leaves_with_path(placed)
    return {rules.path_of(path): sharding.spec for path, sharding in paths}


@pytest.mark.parametrize(
    ("name", "kernel", "bias"),
    [
        ("cross_attention/query", P(None, "model"), P("model")),
        ("cross_attention/key", P(None, "model"), P("model")),
        ("attention/value", P(None, "model"), P("model")),
        ("attention/out", P("model", None), P()),
        ("feed_forward/inner", P(None, "model"), P("model")),
        ("feed_forward/outer", P("model", None), P()),
    ],
)
def test_a_projection_and_its_moments_lie_where_the_rules_say(
    specs, name, kernel, bias
):
    for leaf, expected in (("kernel", kernel), ("bias", bias)):
        path = f"{BLOCK}/{name}/{leaf}"
        assert specs[f"params/{path}"] == expected
        placed = [spec for p, spec in specs.items() if p.endswith(path)]
        assert len(placed) == 3 and set(placed) == {expected}


def test_what_reads_the_residual_stream_is_whole(specs):
    for path, spec in specs.items():
        if "norm" in path or "embedding" in path or path in ("step", "key"):
            assert spec == P(), path


def test_every_leaf_of_the_state_is_placed_and_most_numbers_are_split(specs):
    shapes = trees.flatten(transformer.parameter_shapes(tiny.CONFIG), "params/student/")
    split = [p for p in shapes if specs[p] != P()]
    share = sum(np.prod(shapes[p].shape) for p in split)
    assert share / trees.num_elements(shapes) > 0.7


@pytest.mark.parametrize(
    ("model", "shape", "spec"),
    [
        (2, (16, 6), P(None, "model")),
        (4, (16, 6), P()),
        (8, (16, 8), P(None, "model")),
        (2, (6,), P()),
    ],
)
def test_an_axis_that_does_not_divide_is_left_whole(model, shape, spec):
    leaf = jax.ShapeDtypeStruct(shape, np.float32)
    placed = rules.shardings(make_mesh(1, model), {"inner": {"kernel": leaf}})
    assert placed["inner"]["kernel"].spec == spec
