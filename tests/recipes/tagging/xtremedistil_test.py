"""A recipe takes the teacher that it is given, and refuses what it cannot teach."""

from __future__ import annotations

import pytest
import toy_tagging
from toy_tagging import ENCODER, PIECES

from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.recipes.tagging import xtremedistil
from epik_jax.recipes.tagging.corpus import TaggedDataConfig
from epik_jax.recipes.tagging.strategies import STRATEGIES
from epik_jax.recipes.tagging.teacher_config import (
    TeacherConfig,
)
from epik_jax.recipes.tagging.xtremedistil import (
    XtremeDistilConfig,
    distil,
    ready_teacher,
)
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

LEG = LegConfig(toy_tagging.BATCHES, OptimizerConfig(), LoopConfig(2))
TEACHER = TeacherConfig(EncoderConfig(8, 2, 16, 1, toy_tagging.WIDTH), LEG)

DATA = TaggedDataConfig()


@pytest.fixture
def folder(tmp_path):
    """Of a finished teacher."""
    network = toy_tagging.network()
    model = ModelFolder(network.params, ENCODER, PIECES, {"recipe": "xtremedistil"})
    export_model(model, tmp_path / "given", bfloat16=False, card="")
    return tmp_path / "given"


def config_of(folder="", **changes):
    student = toy_tagging.student(**changes)
    return XtremeDistilConfig(TEACHER, student, teacher_folder=str(folder))


def test_a_teacher_that_is_given_is_taken_and_not_trained(folder, at, monkeypatch):
    monkeypatch.setattr(xtremedistil, "train_teacher", None)
    network, origin = ready_teacher(config_of(folder), toy_tagging.corpus(), DATA, at)
    assert origin == {}
    assert network.config == ENCODER and network.mesh is at.mesh
    assert network.pieces.fingerprint == PIECES.fingerprint
    assert not list(at.folder.glob("vocabulary"))


def test_a_teacher_of_other_labels_is_refused_with_both(folder, at):
    other = TaggedDataConfig(types=("LOC",))
    told = r"words as .*B-ORG.*, here words are labelled as \('O', 'B-LOC', 'I-LOC'\)"
    with pytest.raises(ValueError, match=told):
        ready_teacher(config_of(folder), toy_tagging.corpus(), other, at)


def test_a_teacher_that_is_not_there_is_named(tmp_path, at):
    with pytest.raises(FileNotFoundError, match="none is no model folder"):
        ready_teacher(config_of(tmp_path / "none"), toy_tagging.corpus(), DATA, at)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_there_is_a_student_a_language_or_one_for_all(
    folder, at, strategy, monkeypatch
):
    taught = []

    def train_student(config, material, at, *, prefix="student"):
        taught.append((prefix, sorted({s.lang for s in material.sentences})))
        return prefix

    monkeypatch.setattr(xtremedistil, "train_student", train_student)
    config = config_of(folder, strategy=strategy)
    corpus = toy_tagging.corpus(len(toy_tagging.SENTENCES))
    made = distil(config, toy_tagging.network(), corpus, at)
    if strategy == "D0":
        assert taught == [("student-en", ["en"]), ("student-hi", ["hi"])]
        assert made.students == {"en": "student-en", "hi": "student-hi"}
    else:
        assert taught == [("student", ["en", "hi"])]
        assert made.students == {"": "student"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": 2}, "student.layer is 2, and the teacher has 1 above"),
        (
            {"batches": RowBatchConfig(4, (16, 32))},
            "widest batches hold 32 pieces, and the teacher reads 64",
        ),
    ],
)
def test_what_the_teacher_cannot_teach_is_refused_before_it_is_trained(
    folder, changes, message, at
):
    with pytest.raises(ValueError, match=message):
        config_of(**changes)
    given = config_of(folder, **changes)  # Its sizes are known when it is read.
    told = message.replace("has 1", "has 2")
    if changes.get("layer") != 2:
        with pytest.raises(ValueError, match=told):
            ready_teacher(given, toy_tagging.corpus(), DATA, at)
