"""Teachers and students that come from their model folders."""

from __future__ import annotations

import dataclasses

import pytest
from toy_epik import config_of, train_epik
from toy_networks import VOCABULARY, StandIn

from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.recipes.transliteration import epik
from epik_jax.recipes.transliteration.networks import network_digest
from epik_jax.text.vocabulary import CharacterVocabulary


def test_a_trained_teacher_is_taken_from_its_folder(runner, at, tmp_path, monkeypatch):
    config = config_of()
    given = StandIn(config.teacher.model.sized(VOCABULARY.size))
    about = {"recipe": "matra", "data": [], "command": "", "commit": ""}
    model = ModelFolder(given.params, given.config, VOCABULARY, about)
    export_model(model, tmp_path / "matra", bfloat16=False, card="")
    network = epik.load_network(tmp_path / "matra")
    assert network.follow_LVV.shape == (5, VOCABULARY.size, VOCABULARY.size)
    assert network_digest(network) == network_digest(given)
    meshes = []
    monkeypatch.setattr(
        epik, "load_network", lambda folder, mesh: meshes.append(mesh) or given
    )
    taken = dataclasses.replace(config, teacher_folder=str(tmp_path / "matra"))
    assert train_epik(taken, at).teacher is given
    assert runner.teacher is None and meshes == [at.mesh]


@pytest.fixture
def given_folder(tmp_path):
    """A model folder of the student's shape, and the network in it."""
    given = StandIn(config_of().student.model.sized(VOCABULARY.size))
    about = {"recipe": "epik", "data": [], "command": "", "commit": ""}
    model = ModelFolder(given.params, given.config, VOCABULARY, about)
    export_model(model, tmp_path / "given", bfloat16=False, card="")
    return tmp_path / "given"


def test_a_trained_student_is_measured_as_it_is(runner, at, given_folder):
    config = dataclasses.replace(config_of(), student_folder=str(given_folder))
    trained = train_epik(config, at)
    assert network_digest(trained.student) == network_digest(
        epik.load_network(given_folder)
    )
    assert runner.stages == () and not (at.folder / "cache").exists()


def test_a_given_student_of_another_vocabulary_is_refused(
    runner, at, given_folder, monkeypatch
):
    other = dataclasses.replace(
        epik.load_network(given_folder),
        vocabulary=CharacterVocabulary.from_languages(("en", "hi")),
    )
    monkeypatch.setattr(epik, "load_network", lambda folder, mesh: other)
    config = dataclasses.replace(config_of(), student_folder=str(given_folder))
    with pytest.raises(ValueError, match="not the teacher's vocabulary"):
        train_epik(config, at)


def test_a_missing_teacher_folder_is_named_before_anything_is_asked(runner, at):
    config = dataclasses.replace(config_of(), teacher_folder="nowhere/matra")
    with pytest.raises(FileNotFoundError, match="nowhere/matra is no model folder"):
        train_epik(config, at)


def test_a_crowd_is_trained_by_seeds_and_joined_by_folders(runner, at, given_folder):
    config = config_of("crowd")
    assert config.more_seeds == (1, 2)
    train_epik(config, at)
    assert runner.trained == [("matra", 0), ("matra-1", 1), ("matra-2", 2)]
    named = dataclasses.replace(
        config, more_seeds=(), more_folders=(str(given_folder),)
    )
    with pytest.raises(ValueError, match=r"holds something else|differs|teacher"):
        train_epik(named, at)


def test_a_teacher_of_the_crowd_with_other_letters_is_refused(
    runner, at, given_folder, monkeypatch
):
    other = dataclasses.replace(
        epik.load_network(given_folder),
        vocabulary=CharacterVocabulary.from_languages(("en", "hi")),
    )
    monkeypatch.setattr(epik, "load_network", lambda folder, mesh: other)
    config = dataclasses.replace(config_of(), more_folders=("elsewhere",))
    with pytest.raises(ValueError, match="more_folders elsewhere: not the teacher's"):
        train_epik(config, at)


def test_seeds_that_are_the_same_make_no_crowd():
    for seeds in ((1, 1), (0,), (-1,)):
        with pytest.raises(ValueError, match="more_seeds"):
            dataclasses.replace(config_of(), more_seeds=seeds)
