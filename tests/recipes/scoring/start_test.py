"""A student begins as lowest blocks of its sizes, as a student, or as nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_bert
import toy_crowd
import toy_pairs
from toy_crowd import CORPUS, SIZES, STUDENT

from epik_jax import trees
from epik_jax.interop.export import export_model
from epik_jax.interop.huggingface import load_bert
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.models import scorer
from epik_jax.models.scorer_config import EncoderScorerConfig
from epik_jax.recipes.scoring.crowd import Member
from epik_jax.recipes.scoring.start import student_start

SIZED = EncoderScorerConfig(
    # Whatever the student's settings do not say is the teacher's.
    dataclasses.replace(
        SIZES.sized(toy_pairs.PIECES.size), activation="relu", norm_epsilon=1e-3
    ),
    toy_pairs.LABELS,
)
BEFORE = toy_pairs.network(SIZED, seed=9).params
TEACHER = Member("one", toy_pairs.network(SIZED), encoder=BEFORE)


def start_of(config, teacher=TEACHER):
    return student_start(config, teacher, CORPUS, toy_pairs.LABELS, None, None)


def changed(**changes):
    return dataclasses.replace(STUDENT, **changes)


@pytest.mark.parametrize(
    ("begins", "network"), [("teacher", TEACHER.network.params), ("encoder", BEFORE)]
)
def test_blocks_table_and_pooler_are_the_teacher_s_and_headers_are_not(begins, network):
    start = start_of(changed(start=begins))
    assert start.pieces is TEACHER.network.pieces
    found, theirs = (trees.flatten(x) for x in (start.params["student"], network))
    model = STUDENT.sized(toy_pairs.PIECES.size, toy_pairs.LABELS, 2, start.encoder)
    wanted = trees.flatten(scorer.parameter_shapes(model))
    assert found.keys() == {path for path in wanted if not path.startswith("headers")}
    for path, leaf in found.items():
        np.testing.assert_array_equal(leaf, theirs[path])
    assert "transformer/encoder/block_01/attention/out/kernel" in theirs


def test_what_settings_do_not_say_is_the_teacher_s():
    model = STUDENT.sized(9, toy_pairs.LABELS, 2, start_of(STUDENT).encoder)
    theirs = (model.encoder.activation, model.encoder.norm_epsilon)
    assert theirs == ("relu", 1e-3)
    assert model.encoder.encoder_layers == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 16}, "encoder.width is 16, and the teacher .* has 8"),
        ({"layers": 3}, "layers is 3, and the teacher .* has 2"),
        ({"norm": "pre"}, "encoder.norm is pre, and the teacher .* has post"),
    ],
)
def test_sizes_that_do_not_fit_are_told(changes, said):
    with pytest.raises(ValueError, match=said):
        start_of(changed(encoder=dataclasses.replace(SIZES, **changes)))


def test_a_student_marks_what_its_teacher_marks():
    with pytest.raises(ValueError, match=r"matches is True, and of .* False"):
        start_of(changed(matches=True))


def test_a_teacher_that_is_no_encoder_or_knew_nothing_before_is_told():
    bilstm = Member("lstm", toy_pairs.network(toy_pairs.CONFIGS[1]))
    with pytest.raises(ValueError, match="teacher lstm is no encoder"):
        start_of(STUDENT, bilstm)
    drawn = dataclasses.replace(TEACHER, encoder=None)
    with pytest.raises(ValueError, match="nothing is known of teacher one before"):
        start_of(changed(start="encoder"), drawn)


def test_lowest_blocks_of_a_bert_are_those_of_its_folder():
    sizes = dataclasses.replace(SIZES, layers=2)
    config = changed(start="folder", start_folder=str(toy_bert.FOLDER), encoder=sizes)
    start, bert = start_of(config), load_bert(toy_bert.FOLDER)
    assert start.pieces.fingerprint == bert.pieces.fingerprint
    assert (start.encoder.width, start.encoder.encoder_layers) == (32, 2)
    found = trees.flatten(start.params["student"]["transformer"])
    assert not [path for path in found if "block_02" in path]
    for path, leaf in found.items():
        theirs = trees.flatten(bert.params)[path][: len(leaf)]
        np.testing.assert_array_equal(leaf, theirs)
    deep = dataclasses.replace(config, encoder=dataclasses.replace(sizes, layers=4))
    with pytest.raises(ValueError, match=r"layers is 4, and the teacher .* has 3"):
        start_of(deep)


def test_one_that_is_drawn_may_guess_hidden_pieces_first_as_its_equals_do(at):
    config = changed(start="random", masked=toy_crowd.leg(), offsets=(-1,))
    labels, pieces = toy_crowd.DATA.classes, toy_pairs.PIECES
    one, other = (
        student_start(
            dataclasses.replace(config, seed=seed), TEACHER, CORPUS, labels, pieces, at
        )
        for seed in (1, 2)
    )
    stages = [path.name for path in (at.folder / "stages").iterdir()]
    assert len(stages) == 1 and stages[0].startswith("masked-")
    first, second = (trees.flatten(x.params["student"]) for x in (one, other))
    for path, leaf in first.items():
        np.testing.assert_array_equal(leaf, second[path])


def test_a_student_that_was_taught_before_is_taken_over_without_its_headers(tmp_path):
    model = STUDENT.sized(toy_pairs.PIECES.size, ("a", "b", "c"), 4)
    before = toy_pairs.network(model)
    about = {"recipe": "tmkd", "data": [], "command": "c", "commit": "x"}
    folder = ModelFolder(before.params, model, before.pieces, about)
    export_model(folder, tmp_path / "s", bfloat16=False, card="")
    config = changed(general_folder=str(tmp_path / "s"))
    start = start_of(config)
    assert start.pieces.fingerprint == before.pieces.fingerprint
    assert set(start.params["student"]) == {"transformer", "pooler"}
    sizes = dataclasses.replace(config.bilstm, max_length=SIZES.max_length)
    bilstm = dataclasses.replace(config, kind="bilstm", start="random", bilstm=sizes)
    with pytest.raises(ValueError, match="of another kind"):
        start_of(bilstm)
