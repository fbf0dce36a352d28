"""How a student starts, from what, and what moves of it."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
import tiny
from student_stages import stage

from epik_jax import trees
from epik_jax.models import transformer
from epik_jax.recipes.transliteration.imitation import (
    ImitationConfig,
    make_objective,
    make_student_forward,
)
from epik_jax.recipes.transliteration.sizes import ModelConfig
from epik_jax.recipes.transliteration.start import initial_student
from epik_jax.recipes.transliteration.student import StudentConfig
from epik_jax.structs import TeacherSignal
from epik_jax.teachers.forward import Network
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import CharacterVocabulary
from epik_jax.training.optimizer import OptimizerConfig, make_optimizer
from epik_jax.training.step import init_state, make_train_step

VOCABULARY = CharacterVocabulary.from_languages(LANGUAGES)
TEACHER_MODEL = tiny.config(encoder_layers=2, decoder_layers=2, dropout=0.0)


@pytest.fixture(scope="module")
def teacher():
    return Network(tiny.params(TEACHER_MODEL), TEACHER_MODEL, VOCABULARY)


def begun(teacher, start="teacher", stages=None, **changes):
    model = dataclasses.replace(TEACHER_MODEL, **changes)
    config = StudentConfig(ModelConfig(), stages or (stage(),), start)
    return model, initial_student(config, model, teacher)


def test_a_student_of_equal_size_starts_as_the_teacher(teacher):
    _, params = begun(teacher)
    assert list(params) == ["student"]
    ours, theirs = trees.flatten(params["student"]), trees.flatten(teacher.params)
    assert ours.keys() == theirs.keys()
    for path, leaf in ours.items():
        np.testing.assert_array_equal(leaf, theirs[path], err_msg=path)


def test_a_student_with_a_table_of_its_own_answers_as_the_teacher_too(teacher):
    model, params = begun(teacher, shared_embedding=False)
    batch = tiny.batch()
    logits = []
    for tree, config in ((teacher.params, TEACHER_MODEL), (params["student"], model)):
        memory = tiny.encode(tree, config, batch["source"], batch["source_mask"])
        logits.append(tiny.decode(tree, config, batch["target_in"], memory).logits)
    np.testing.assert_array_equal(*logits)


def test_a_teacher_with_two_tables_hands_on_both(teacher):
    model = dataclasses.replace(TEACHER_MODEL, shared_embedding=False)
    other = Network(tiny.params(model, seed=5), model, VOCABULARY)
    _, params = begun(other, shared_embedding=False)
    read, written = (
        params["student"][name] for name in ("encoder_embedding", "embedding")
    )
    np.testing.assert_array_equal(read, other.params["encoder_embedding"])
    np.testing.assert_array_equal(written, other.params["embedding"])
    assert (read != written).any()


def test_a_student_of_one_table_cannot_start_from_a_teacher_of_two(teacher):
    model = dataclasses.replace(TEACHER_MODEL, shared_embedding=False)
    other = Network(tiny.params(model, seed=5), model, VOCABULARY)
    with pytest.raises(ValueError, match="encoder_embedding"):
        begun(other)


@pytest.mark.parametrize(
    ("taught", "depth", "blocks"),
    [
        (3, 2, [0, 2]),
        (3, 4, [0, 1, 1, 2]),
        (3, 1, [0]),
        (1, 3, [0, 0, 0]),
        (6, 3, [0, 2, 5]),
    ],
)
@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_a_student_of_another_depth_spreads_the_teacher_s_blocks(
    side, taught, depth, blocks
):
    model = dataclasses.replace(TEACHER_MODEL, **{f"{side}_layers": taught})
    deep = Network(tiny.params(model), model, VOCABULARY)
    _, params = begun(deep, **{f"{side}_layers": depth})
    ours, theirs = params["student"], deep.params
    assert sum(name.startswith("block_") for name in ours[side]) == depth
    for number, block in enumerate(blocks):
        mine, given = (
            trees.flatten(tree[side][f"block_{place:02d}"])
            for tree, place in ((ours, number), (theirs, block))
        )
        for path, leaf in mine.items():
            np.testing.assert_array_equal(leaf, given[path])


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"width": 8}, "student/decoder/"),
        ({"feed_forward": 48}, "student/decoder/"),
        ({"positions": "learned"}, "student/position_embedding"),
    ],
)
def test_what_the_teacher_cannot_give_is_named(teacher, change, path):
    with pytest.raises(ValueError, match=f"no {path}.* student.start to 'random'"):
        begun(teacher, **change)


def test_a_gate_is_drawn_where_the_teacher_has_none(teacher):
    _, params = begun(teacher, num_slots=6)
    assert params["student"]["gate"]["kernel"].shape == (16, 1)


def test_a_student_from_scratch_takes_nothing_from_the_teacher(teacher):
    _, params = begun(teacher, "random")
    ours, theirs = trees.flatten(params["student"]), trees.flatten(teacher.params)
    kernels = [path for path in ours if path.endswith(("kernel", "embedding"))]
    assert kernels and all((ours[p] != theirs[p]).any() for p in kernels)


def test_the_seed_decides_what_is_drawn(teacher):
    one, same, other = (
        initial_student(
            StudentConfig(ModelConfig(), (stage(),), "random", seed),
            TEACHER_MODEL,
            teacher,
        )["student"]["embedding"]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


IMITATION = ImitationConfig(hard_ce=0.0, hidden=1.0, alignment="pooled")


def test_a_narrower_student_has_a_bridge_and_the_bridge_trains(teacher):
    trainable = ("^student/", "^bridge/")
    imitating = (stage(imitation=IMITATION, trainable=trainable),)
    model, params = begun(
        teacher, "random", imitating, width=8, encoder_layers=1, decoder_layers=1
    )
    bridge = params["bridge"]["hidden"]
    assert bridge["kernel"].shape == (8, 16) and bridge["bias"].shape == (16,)
    assert np.abs(bridge["kernel"]).max() > 0
    optimizer = make_optimizer(OptimizerConfig(warmup_steps=0), 10)
    state = init_state(params, optimizer, trainable, seed=0)
    forward = make_student_forward(model, TEACHER_MODEL, IMITATION, VOCABULARY.pad_id)
    step = jax.jit(
        make_train_step(forward, make_objective(IMITATION), optimizer, trainable)
    )
    states = np.random.default_rng(0).normal(size=(8, 1, 16)).astype(np.float32)
    heard = TeacherSignal(hidden=states, hidden_mask=np.ones((8, 1), bool))
    batch = {**tiny.batch(), "signals": heard}
    for _ in range(2):
        state, _ = step(state, batch)
    moved = jax.device_get(state.params)
    assert (moved["bridge"]["hidden"]["kernel"] != bridge["kernel"]).any()
    assert (moved["student"]["embedding"] != params["student"]["embedding"]).any()


@pytest.mark.parametrize(
    ("width", "imitation"), [(16, IMITATION), (8, ImitationConfig())]
)
def test_there_is_no_bridge_where_none_is_needed(teacher, width, imitation):
    only = stage(imitation=imitation)
    _, params = begun(teacher, "random", (only,), width=width, encoder_layers=1)
    assert "bridge" not in params


def test_a_stage_that_would_train_what_is_not_there_is_refused(teacher):
    only = stage(imitation=IMITATION, trainable=("^student/", "^bridge/"))
    with pytest.raises(ValueError, match=r"stage s: trainable: pattern '\^bridge/'"):
        begun(teacher, stages=(only,))


def test_a_bridge_that_would_stay_random_is_refused(teacher):
    only = stage(imitation=IMITATION, trainable=("^student/encoder/",))
    with pytest.raises(ValueError, match=r'name the bridge .* "\^bridge/"'):
        begun(teacher, "random", (only,), width=8)


def test_a_student_s_parameters_have_the_shapes_of_its_model(teacher):
    model, params = begun(teacher, "random", width=8, num_slots=4)
    shapes = trees.flatten(transformer.parameter_shapes(model))
    for path, leaf in trees.flatten(params["student"]).items():
        assert leaf.shape == shapes[path].shape
