"""What is written says what it was made by, trained on and taught by."""

from __future__ import annotations

import dataclasses

import pytest
from toy_epik import config_of
from toy_networks import VOCABULARY, StandIn

from epik_jax.interop.model_folder import load_model
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes import provenance
from epik_jax.recipes.transliteration import exports
from epik_jax.recipes.transliteration.corpus import DataConfig
from epik_jax.recipes.transliteration.networks import network_digest
from epik_jax.recipes.transliteration.word_lists import ListConfig


def network():
    sizes = {"width": 8, "num_heads": 2, "encoder_layers": 1, "decoder_layers": 1}
    return StandIn(TransformerConfig(VOCABULARY.size, feed_forward=8, **sizes))


def test_only_lists_that_were_trained_on_are_training_data(tmp_path):
    lists = [
        ListConfig("dakshina", "hi", split, f"{split}.tsv")
        for split in ("train", "dev", "test", "held")
    ]
    data = DataConfig("files", lists=(*lists, ListConfig("parallel", "", "names", "n")))
    exports.export_trained(network(), tmp_path / "made", "matra", data, "command", {})
    assert load_model(tmp_path / "made").about["data"] == ["train.tsv"]


def test_a_teacher_that_was_given_keeps_its_story(tmp_path):
    data, given = DataConfig("builtin"), tmp_path / "given"
    exports.export_trained(network(), given, "matra", data, "how it was made", {})
    for teacher_folder, command in ((str(given), "how it was made"), ("", "this run")):
        copy = tmp_path / "copy"
        exports.export_network(
            network(), copy, "matra", teacher_folder, data, "this run", {}
        )
        assert load_model(tmp_path / "copy").about["command"] == command


def test_a_student_that_was_given_is_reported_with_its_own_story(tmp_path):
    given = tmp_path / "given"
    data = DataConfig("builtin")
    exports.export_trained(network(), given, "epik", data, "how it was made", {})
    rows = [{"window_seconds": 90.0}]
    told = provenance.how_trained(str(given), 3, rows)
    assert told["student's command"] == "how it was made"
    assert "seed" not in told
    assert provenance.how_trained("", 3, rows) == {
        "seed": 3,
        "minutes of training": 1.5,
    }
    # A log that was lost is not a training of no time.
    assert provenance.how_trained("", 3, []) == {"seed": 3}


def test_a_teacher_says_its_seed_and_what_it_began_as(tmp_path):
    teacher, data = config_of().teacher, DataConfig("builtin")
    assert exports.begun_from(teacher) == {"seed": 0}
    exports.export_trained(network(), tmp_path / "m", "matra", data, "c", {})
    begun = dataclasses.replace(teacher, start_folder=str(tmp_path / "m"), seed=7)
    origin = exports.begun_from(begun)
    assert origin == {"seed": 7, "start": network_digest(network())}
    exports.export_trained(network(), tmp_path / "n", "matra", data, "c", origin)
    assert load_model(tmp_path / "n").about.items() >= origin.items()


@pytest.mark.parametrize(
    ("way", "had"),
    [
        ("", {"teacher", "start"}),
        ("half", {"teacher"}),
        ("started", {"start"}),
        ("baseline", set()),
    ],
)
def test_a_student_names_its_teacher_for_what_it_had_of_it(way, had):
    told = exports.taught_by(config_of(way).student, network())
    assert told.pop("seed") == 1
    assert told == dict.fromkeys(had, network_digest(network()))
