"""Models and reports name what they were made by, and keep a given teacher's story."""

from __future__ import annotations

import dataclasses
import shlex
import subprocess

import pytest
from toy_epik import config_of
from toy_networks import VOCABULARY, StandIn

from epik_jax.interop.export import load_model
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes import provenance
from epik_jax.recipes.transliteration.corpus import DataConfig
from epik_jax.recipes.transliteration.networks import network_digest
from epik_jax.recipes.transliteration.word_lists import ListConfig


def test_folders_of_this_machine_are_not_in_the_command():
    said = provenance.typed_command(
        "run",
        "/home/me/epik/configs/epik.py:real",
        ["data.root=/home/me/lists", "scoreboard.others=(('a b', '/home/s'),)"],
    )
    assert shlex.split(said) == [
        *("epik-jax", "run", "--config=configs/epik.py:real"),
        "--config.data.root=FOLDER",
        "--config.scoreboard.others=(('a b', 'FOLDER'),)",
        "--workdir=RUN",
    ]


def test_values_in_single_quotes_stay_legible():
    said = provenance.typed_command("run", "c.py", ["scoreboard.tables=('a', 'b c')"])
    assert "\"--config.scoreboard.tables=('a', 'b c')\"" in said


def test_a_command_can_be_typed_whatever_is_in_its_values():
    overrides = ["stages[0].buckets=((40, 40),)", "a=it's $HOME", "b=1/2"]
    said = provenance.typed_command("train", "configs/matra.py", overrides)
    assert shlex.split(said)[3:-1] == [f"--config.{o}" for o in overrides]
    assert said.startswith("epik-jax train --config=configs/matra.py ")


def test_the_time_of_training_is_that_of_all_processes():
    rows = [
        {"window_seconds": 30.0, "outside_seconds": 1.0},
        {"cost": 0.1},
        {"window_seconds": 12.5},
    ]
    assert provenance.trained_seconds(rows) == 43.5


def test_a_checkout_tells_its_commit_whatever_it_is_tagged(tmp_path, monkeypatch):
    file = tmp_path / "provenance.py"
    monkeypatch.setattr(provenance, "__file__", str(file))

    def git(*words):
        who = ("-c", "user.name=me", "-c", "user.email=me@here")
        command = ["git", "-C", str(tmp_path), *who, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True)

    git("init")
    file.write_text("one")
    git("add", ".")
    git("commit", "--message=first")
    git("tag", "--annotate", "--message=a release", "v9")
    head = git("rev-parse", "HEAD").stdout
    assert len(told := provenance.commit()) == 12 and head.startswith(told)
    file.write_text("two")
    assert provenance.commit() == f"{told}-dirty"


def test_a_release_in_somebody_s_repository_tells_its_version(monkeypatch):
    def git(command, **_):
        if "describe" in command:
            return subprocess.CompletedProcess([], 0, stdout="theirs", stderr="")
        return subprocess.CompletedProcess([], 1, stdout="", stderr="not tracked")

    monkeypatch.setattr(provenance.subprocess, "run", git)
    monkeypatch.setattr(provenance.importlib.metadata, "version", lambda name: "9.9")
    assert provenance.commit() == "release 9.9"


def test_files_that_are_neither_do_not_end_a_run(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError("git")

    def unknown(name):
        raise provenance.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(provenance.subprocess, "run", missing)
    monkeypatch.setattr(provenance.importlib.metadata, "version", unknown)
    assert provenance.commit() == "unknown"


def network():
    sizes = {"width": 8, "num_heads": 2, "encoder_layers": 1, "decoder_layers": 1}
    return StandIn(TransformerConfig(VOCABULARY.size, feed_forward=8, **sizes))


def test_only_lists_that_were_trained_on_are_training_data(tmp_path):
    lists = [
        ListConfig("dakshina", "hi", split, f"{split}.tsv")
        for split in ("train", "dev", "test", "held")
    ]
    data = DataConfig("files", lists=(*lists, ListConfig("parallel", "", "names", "n")))
    provenance.export_trained(
        network(), tmp_path / "made", "matra", data, "command", {}
    )
    assert load_model(tmp_path / "made").about["data"] == ["train.tsv"]


def test_a_teacher_that_was_given_keeps_its_story(tmp_path):
    data, given = DataConfig("builtin"), tmp_path / "given"
    provenance.export_trained(network(), given, "matra", data, "how it was made", {})
    for teacher_folder, command in ((str(given), "how it was made"), ("", "this run")):
        copy = tmp_path / "copy"
        provenance.export_network(
            network(), copy, "matra", teacher_folder, data, "this run", {}
        )
        assert load_model(tmp_path / "copy").about["command"] == command


def test_a_student_that_was_given_is_reported_with_its_own_story(tmp_path):
    given = tmp_path / "given"
    data = DataConfig("builtin")
    provenance.export_trained(network(), given, "epik", data, "how it was made", {})
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
    assert provenance.begun_from(teacher) == {"seed": 0}
    provenance.export_trained(network(), tmp_path / "m", "matra", data, "c", {})
    begun = dataclasses.replace(teacher, start_folder=str(tmp_path / "m"), seed=7)
    origin = provenance.begun_from(begun)
    assert origin == {"seed": 7, "start": network_digest(network())}
    provenance.export_trained(network(), tmp_path / "n", "matra", data, "c", origin)
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
    told = provenance.taught_by(config_of(way).student, network())
    assert told.pop("seed") == 1
    assert told == dict.fromkeys(had, network_digest(network()))
