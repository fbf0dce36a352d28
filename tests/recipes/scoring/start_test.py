"""A student begins as the lowest blocks of a teacher that has its sizes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_pairs
from toy_crowd import SIZES, STUDENT

from epik_jax import trees
from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.models import scorer
from epik_jax.models.scorer_config import EncoderScorerConfig
from epik_jax.recipes.scoring.start import lowest_blocks, student_start

SIZED = EncoderScorerConfig(SIZES.sized(toy_pairs.PIECES.size), toy_pairs.LABELS)
TEACHER = toy_pairs.network(SIZED)


def test_blocks_table_and_pooler_are_the_teacher_s_and_headers_are_not():
    start = student_start(STUDENT, TEACHER, None)
    assert start.pieces is TEACHER.pieces
    found = trees.flatten(start.params["student"])
    theirs = trees.flatten(TEACHER.params)
    model = STUDENT.sized(toy_pairs.PIECES.size, toy_pairs.LABELS, 2)
    wanted = trees.flatten(scorer.parameter_shapes(model))
    assert found.keys() == {path for path in wanted if not path.startswith("headers")}
    for path, leaf in found.items():
        np.testing.assert_array_equal(leaf, theirs[path])
    assert "transformer/encoder/block_01/attention/out/kernel" in theirs


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 16}, "encoder.width is 16, and the teacher .* has 8"),
        ({"layers": 3}, "layers is 3, and the teacher .* has 2"),
        ({"max_length": 24}, "max_length is 24"),
    ],
)
def test_sizes_that_do_not_fit_are_told(changes, said):
    with pytest.raises(ValueError, match=said):
        lowest_blocks(TEACHER, dataclasses.replace(SIZES, **changes), matches=False)


def test_a_student_marks_what_its_teacher_marks():
    with pytest.raises(ValueError, match=r"matches is True, and of .* False"):
        lowest_blocks(TEACHER, SIZES, matches=True)


def test_a_teacher_that_is_no_encoder_has_no_blocks():
    with pytest.raises(ValueError, match="the teacher is no encoder"):
        lowest_blocks(toy_pairs.network(toy_pairs.CONFIGS[1]), SIZES, matches=False)


def test_a_student_that_was_taught_before_is_taken_over_without_its_headers(tmp_path):
    model = STUDENT.sized(toy_pairs.PIECES.size, ("a", "b", "c"), 4)
    before = toy_pairs.network(model)
    about = {"recipe": "tmkd", "data": [], "command": "c", "commit": "x"}
    folder = ModelFolder(before.params, model, before.pieces, about)
    export_model(folder, tmp_path / "s", bfloat16=False, card="")
    config = dataclasses.replace(STUDENT, start_folder=str(tmp_path / "s"))
    start = student_start(config, TEACHER, None)
    assert start.pieces.fingerprint == before.pieces.fingerprint
    assert set(start.params["student"]) == {"transformer", "pooler"}
    sizes = dataclasses.replace(config.bilstm, max_length=SIZES.max_length)
    bilstm = dataclasses.replace(config, kind="bilstm", start="random", bilstm=sizes)
    with pytest.raises(ValueError, match="of another kind"):
        student_start(bilstm, TEACHER, None)
