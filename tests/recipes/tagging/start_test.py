"""A student begins as the teacher's embeddings in the directions that say most."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_tagging
from toy_tagging import BILSTM, PIECES, SENTENCES

from epik_jax import trees
from epik_jax.models import labeller
from epik_jax.recipes.tagging.start import initial_student
from epik_jax.recipes.tagging.student import BilstmConfig

KEPT = PIECES.pruned(
    np.unique(PIECES.encode([s.words for s in SENTENCES[:3]])[0].values)
)


def begun(config, teacher=None, pieces=KEPT):
    teacher = teacher or toy_tagging.network()
    model = config.model.sized(pieces.size, teacher.config, config.layer)
    return initial_student(config, model, pieces, teacher), model


def rows(teacher, pieces=KEPT):
    """The teacher's embeddings of the pieces that are kept."""
    place = {piece: i for i, piece in enumerate(PIECES.pieces)}
    table = np.asarray(teacher.params["transformer"]["embedding"], np.float64)
    return table[[place[piece] for piece in pieces.pieces]]


def test_embeddings_lie_in_the_directions_of_largest_variance():
    assert 4 < KEPT.size < PIECES.size
    params, _ = begun(toy_tagging.student())
    found = params["student"]["embedding"]
    table = rows(toy_tagging.network())
    left, sizes, _ = np.linalg.svd(table, full_matrices=False)
    expected = left[:, :4] * sizes[:4]
    scale = np.abs(found).sum(axis=0) / np.abs(expected).sum(axis=0)
    np.testing.assert_allclose(scale, scale[0], rtol=1e-3)
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found, signs * expected * scale[0], atol=1e-4)
    # Larger than what is left out, or these would be the wrong directions.
    assert found.std(axis=0)[-1] / scale[0] >= (sizes[4] / len(table) ** 0.5) * 0.9


def test_embeddings_have_the_scale_of_drawn_ones():
    drawn, _ = begun(toy_tagging.student(start="random"))
    found, _ = begun(toy_tagging.student())
    theirs, mine = (p["student"]["embedding"].std() for p in (drawn, found))
    assert mine == pytest.approx(theirs, rel=0.15)
    assert found["student"]["embedding"].dtype == np.float32


def test_a_drawn_start_follows_the_seed_and_all_else_is_drawn_either_way():
    one, again, other = (
        trees.flatten(begun(toy_tagging.student(start="random", seed=seed))[0])
        for seed in (1, 1, 2)
    )
    svd = trees.flatten(begun(toy_tagging.student())[0])
    for path, leaf in one.items():
        np.testing.assert_array_equal(again[path], leaf)
        assert (path == "student/embedding") != np.array_equal(svd[path], leaf)
    assert not np.array_equal(other["student/embedding"], one["student/embedding"])


@pytest.mark.parametrize(
    ("projection", "strategy", "bridged"),
    [
        ("bridge", "D4.2", True),
        ("bridge", "D2", True),
        ("bridge", "D1", False),
        ("bridge", "D0", False),
        ("shipped", "D4.2", False),
    ],
)
def test_there_is_a_bridge_where_states_are_learnt_through_one(
    projection, strategy, bridged
):
    model = BilstmConfig(4, 5, projection)
    params, sized = begun(toy_tagging.student(model=model, strategy=strategy))
    assert ("bridge" in params) == bridged
    if bridged:
        assert params["bridge"]["hidden"]["kernel"].shape == (10, 8)
    shapes = {p: x.shape for p, x in trees.flatten(params["student"]).items()}
    wanted = trees.flatten(labeller.parameter_shapes(sized))
    assert shapes == {p: x.shape for p, x in wanted.items()}


def test_a_bilstm_may_teach_too():
    teacher = toy_tagging.network(BILSTM)
    params, _ = begun(toy_tagging.student(model=BilstmConfig(3, 5)), teacher)
    assert params["student"]["embedding"].shape == (KEPT.size, 3)


def test_more_directions_than_the_teacher_has_are_refused():
    config = toy_tagging.student(model=BilstmConfig(9, 5))
    with pytest.raises(ValueError, match=r"embedding is 9, .* 8.*start 'random'"):
        begun(config)
    begun(dataclasses.replace(config, start="random"))
