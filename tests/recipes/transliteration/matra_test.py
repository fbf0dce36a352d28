"""What a teacher's training begins with."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_run

from epik_jax import trees
from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes import settings
from epik_jax.recipes.transliteration import matra
from epik_jax.recipes.transliteration.corpus import DataConfig, read_corpus
from epik_jax.recipes.transliteration.run_config import MatraRun
from epik_jax.structs import Hypothesis

SMALL = [
    *(f"teacher.model.{s}=1" for s in ("encoder_layers", "decoder_layers")),
    *(f"teacher.model.{s}=8" for s in ("width", "feed_forward")),
]
AT = SimpleNamespace(mesh=make_mesh(4, 2))
"""The part of a workplace that is left where nothing is trained."""


@pytest.fixture
def begun(monkeypatch):
    """Trains nothing; keeps the stages and parameters that training was given."""
    given = []

    def run_stages(stages, params, at):
        given.append((stages[0], params))
        return params

    monkeypatch.setattr(matra, "run_stages", run_stages)
    return given


@pytest.fixture(scope="module")
def corpus():
    return read_corpus(DataConfig("builtin", num_synthetic=8))


def config_of(*overrides):
    path = tiny_run.CONFIG.replace("epik.py", "matra.py")
    plain = settings.read_config(path, [*SMALL, *overrides])
    del plain["recipe"]
    return settings.build(MatraRun, plain).teacher


@pytest.fixture
def folder(tmp_path, begun, corpus):
    """A model of another seed."""
    network = matra.train_matra(config_of("teacher.seed=7"), corpus, AT)
    model = ModelFolder(network.params, network.config, network.vocabulary, {})
    export_model(model, tmp_path / "m", bfloat16=False, card="")
    begun.clear()
    return tmp_path / "m"


def test_training_begins_with_drawn_parameters_or_with_given_ones(
    folder, begun, corpus
):
    for start in ("", str(folder)):
        config = dataclasses.replace(config_of("teacher.seed=7"), start_folder=start)
        matra.train_matra(config, corpus, AT)
    other = dataclasses.replace(config_of(), start_folder=str(folder))
    matra.train_matra(other, corpus, AT)
    drawn, given, again = (trees.flatten(params) for _, params in begun)
    for path, leaf in drawn.items():
        np.testing.assert_array_equal(given[path], leaf)
        np.testing.assert_array_equal(again[path], leaf)
    starts = [stage.inputs.get("start") for stage, _ in begun]
    assert starts[0] is None and starts[1] == starts[2] is not None


def test_the_teacher_answers_on_the_mesh_that_it_was_trained_on(
    begun, corpus, monkeypatch
):
    asked = []

    def answer(network, examples, decoding):
        asked.append(network.mesh)
        return [(Hypothesis(e.targets[0], 0.0),) for e in examples]

    network = matra.train_matra(config_of(), corpus, AT)
    assert network.mesh is AT.mesh
    [(stage, params)] = begun
    monkeypatch.setattr(matra.Network, "transliterate", answer)
    assert stage.validate(params, AT.mesh) == {"cost": 0.0, "top1": 1.0}
    assert asked == [AT.mesh]


def test_a_teacher_with_slots_is_refused():
    with pytest.raises(ValueError, match=r"model\.num_slots is 40, and a teacher"):
        config_of("teacher.model.num_slots=40")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("teacher.model.width=31", "teacher.model: width 31 is odd"),
        ("teacher.model.max_length=39", r"bucket \(40, 40\) exceeds model.max_length"),
    ],
)
def test_sizes_that_cannot_be_built_or_fed_are_refused_with_the_settings(
    override, message
):
    with pytest.raises(ValueError, match=message):
        config_of(override)


def test_a_stage_names_the_words_that_it_is_validated_on(begun, corpus):
    other = dataclasses.replace(corpus, dev=corpus.dev[1:])
    config, few = config_of(), config_of("teacher.num_validated=3")
    for asked, words in ((config, corpus), (config, corpus), (config, other)):
        matra.train_matra(asked, words, AT)
    matra.train_matra(few, corpus, AT)
    same, again, *others = (stage.validated for stage, _ in begun)
    assert same == again and len({same, *others}) == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("width=16", r"key/bias has shape \(8,\), here it is \(16,\)"),
        ("encoder_layers=2", r"encoder/block_01/.* has shape None, here"),
    ],
)
def test_a_model_of_other_sizes_is_no_start(folder, begun, corpus, override, message):
    config = config_of(f"teacher.model.{override}")
    config = dataclasses.replace(config, start_folder=str(folder))
    with pytest.raises(ValueError, match=message):
        matra.train_matra(config, corpus, AT)
    assert not begun


def test_a_start_that_is_not_there_is_named(begun, corpus, tmp_path):
    config = dataclasses.replace(config_of(), start_folder=str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="none is no model folder"):
        matra.train_matra(config, corpus, AT)


def test_training_goes_on_with_the_pieces_of_the_model_that_it_begins_with(
    begun, corpus, tmp_path
):
    pieces = "teacher.vocabulary.kind=sentencepiece"
    at = SimpleNamespace(folder=tmp_path / "first", mesh=AT.mesh)
    at.folder.mkdir()
    network = matra.train_matra(config_of(pieces), corpus, at)
    model = ModelFolder(network.params, network.config, network.vocabulary, {})
    export_model(model, tmp_path / "m", bfloat16=False, card="")
    fewer = dataclasses.replace(corpus, train=corpus.train[:-40])
    config = dataclasses.replace(config_of(pieces), start_folder=str(tmp_path / "m"))
    again = matra.train_matra(config, fewer, AT)
    assert again.vocabulary.fingerprint == network.vocabulary.fingerprint
    assert begun[1][0].inputs["vocabulary"] == network.vocabulary.fingerprint


def test_letters_are_no_start_for_pieces(folder, begun, corpus):
    config = config_of("teacher.vocabulary.kind=sentencepiece")
    config = dataclasses.replace(config, start_folder=str(folder))
    with pytest.raises(ValueError, match="m has another vocabulary"):
        matra.train_matra(config, corpus, AT)
    assert not begun
