"""Who holds a run folder, and what a run that never began leaves there."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from epik_jax.recipes import run_folder
from epik_jax.recipes.run_folder import held


class RefusedError(Exception):
    """Any error."""


def refused(folder, *written):
    """A run that ends with an error after it has written some files."""
    with pytest.raises(RefusedError), held(folder):
        for name in written:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("x")
        raise RefusedError


def test_a_held_folder_names_the_process_that_holds_it(tmp_path):
    holding = textwrap.dedent(
        f"""
        import pathlib, sys
        from epik_jax.recipes.run_folder import held
        with held(pathlib.Path({str(tmp_path)!r})):
            print("held", flush=True)
            sys.stdin.read()
        """
    )
    command = [sys.executable, "-c", holding]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(BlockingIOError, match=f"process {other.pid} is running"),
            held(tmp_path),
        ):
            pass
        assert (tmp_path / ".lock").exists()
        other.kill()
    # A process that was killed holds nothing, whatever it wrote.
    with held(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())


def test_a_run_that_never_began_takes_back_its_record_and_the_folders_it_made(tmp_path):
    refused(tmp_path / "runs" / "new", "config.json")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays_with_what_it_held(tmp_path):
    (tmp_path / "run").mkdir()
    refused(tmp_path / "run", "config.json")
    assert list((tmp_path / "run").iterdir()) == []
    (tmp_path / "run" / "notes").write_text("mine")
    (tmp_path / "run" / "config.json").write_text("older")
    refused(tmp_path / "run")
    kept = {p.name: p.read_text() for p in (tmp_path / "run").iterdir()}
    assert kept == {"notes": "mine", "config.json": "older"}


def test_a_run_that_began_keeps_all_that_it_wrote(tmp_path):
    refused(tmp_path / "run", "config.json", "stages/first")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {".lock", "config.json", "stages"}


def test_a_run_that_ends_well_keeps_its_record(tmp_path):
    with held(tmp_path / "run"):
        (tmp_path / "run" / "config.json").write_text("x")
    assert (tmp_path / "run" / "config.json").exists()


def test_a_lock_that_was_taken_back_while_it_was_opened_is_not_held(
    tmp_path, monkeypatch
):
    lies_at, taken_back = run_folder._lies_at, []

    def just_taken_back(file, path):
        if not taken_back:
            taken_back.append(path.unlink())
        return lies_at(file, path)

    monkeypatch.setattr(run_folder, "_lies_at", just_taken_back)
    with held(tmp_path):
        assert taken_back and (tmp_path / ".lock").read_text() == str(os.getpid())
