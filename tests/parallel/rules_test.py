"""Which leaf lies where, for parameters and the optimizer's moments alike."""

import jax
import numpy as np
import pytest
import tiny
import toy_pairs
import toy_tagging
from jax.sharding import PartitionSpec as P

from epik_jax import trees
from epik_jax.models import labeller, scorer, transformer
from epik_jax.parallel import rules
from epik_jax.parallel.mesh import make_mesh
from epik_jax.training.optimizer import OptimizerConfig, make_optimizer
from epik_jax.training.step import init_state

BLOCK = "student/decoder/block_00"


EVERYTHING = tiny.config(
    num_slots=8, shared_embedding=False, tied_output=False, positions="learned"
)
NETWORKS = {
    "tiny": transformer.parameter_shapes(tiny.CONFIG),
    "everything": transformer.parameter_shapes(EVERYTHING),
    "tagger": labeller.parameter_shapes(toy_tagging.ENCODER),
    "small tagger": labeller.parameter_shapes(toy_tagging.BILSTM),
    "scorer": scorer.parameter_shapes(toy_pairs.CONFIGS[0]),
    "small scorer": scorer.parameter_shapes(toy_pairs.CONFIGS[1]),
}


def placed(name):
    """PartitionSpecs by path of a whole training state over two model devices."""
    shapes = {"student": NETWORKS[name]}
    optimizer = make_optimizer(OptimizerConfig(), 10)
    state = jax.eval_shape(lambda p: init_state(p, optimizer, ("",), 0), shapes)
    found = rules.shardings(make_mesh(1, 2), state)
    paths = jax.tree_util.tree_leaves_with_path(found)
    return {rules.path_of(path): sharding.spec for path, sharding in paths}


@pytest.fixture(scope="module")
def specs():
    return placed("tiny")


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
        found = [spec for p, spec in specs.items() if p.endswith(path)]
        assert len(found) == 3 and set(found) == {expected}


def test_what_reads_the_residual_stream_is_whole(specs):
    for path, spec in specs.items():
        if "norm" in path or path in ("step", "key"):
            assert spec == P(), path


@pytest.mark.parametrize("name", NETWORKS)
def test_every_leaf_of_every_network_and_of_its_moments_has_a_rule(name):
    assert any(spec != P() for spec in placed(name).values())


@pytest.mark.parametrize(
    ("name", "path", "spec"),
    [
        ("tagger", "transformer/embedding", P("model", None)),
        ("small tagger", "embedding", P("model", None)),
        # 13 and 21 tokens have no halves.
        ("tiny", "embedding", P(None, "model")),
        ("everything", "encoder_embedding", P(None, "model")),
        ("scorer", "transformer/embedding", P(None, "model")),
        ("scorer", "transformer/position_embedding", P()),
        ("scorer", "headers/stacked_kernel", P()),
        ("small scorer", "bilstm/input/kernel", P()),
        ("small scorer", "bilstm/recurrent_kernel", P()),
        ("everything", "gate/kernel", P()),
    ],
)
def test_tables_are_split_by_tokens_or_width_and_small_parts_are_whole(
    name, path, spec
):
    assert placed(name)[f"params/student/{path}"] == spec


def test_an_output_layer_is_split_by_tokens():
    assert NETWORKS["everything"]["output"]["bias"].shape == (13,)
    leaf = jax.ShapeDtypeStruct((14,), np.float32)
    found = rules.shardings(make_mesh(1, 2), {"output": {"bias": leaf}})
    assert found["output"]["bias"].spec == P("model")


def test_a_leaf_that_no_rule_knows_is_refused_by_name():
    leaf = jax.ShapeDtypeStruct((4, 4), np.float32)
    with pytest.raises(ValueError, match="no rule matches 'student/new/kernel'"):
        rules.shardings(make_mesh(1, 2), {"student": {"new": {"kernel": leaf}}})


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
    found = rules.shardings(make_mesh(1, model), {"inner": {"kernel": leaf}})
    assert found["inner"]["kernel"].spec == spec
