"""Models and reports name what they were made by, and keep a given teacher's story."""

from __future__ import annotations

import shlex
import subprocess

from epik_jax.recipes import provenance


def test_folders_of_this_machine_are_not_in_the_command():
    said = provenance.typed_command(
        "epik-jax run",
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
    said = provenance.typed_command(
        "epik-jax run", "c.py", ["scoreboard.tables=('a', 'b c')"]
    )
    assert "\"--config.scoreboard.tables=('a', 'b c')\"" in said


def test_a_command_can_be_typed_whatever_is_in_its_values():
    overrides = ["stages[0].buckets=((40, 40),)", "a=it's $HOME", "b=1/2"]
    said = provenance.typed_command("epik-jax train", "configs/matra.py", overrides)
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
