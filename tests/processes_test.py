"""Several processes train, cache, answer and stop as one does."""

from __future__ import annotations

import dataclasses
import filecmp
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import one_of_several
import parity
import pytest
import several
import tiny_run

from epik_jax import trees
from epik_jax.interop.model_folder import load_model
from epik_jax.recipes import run as runs
from epik_jax.recipes import run_folder

SCRIPT = str(several.ROOT / "launch" / "processes.sh")
CLI = ("-m", "epik_jax")
MATRA = tiny_run.CONFIG.replace("epik.py", "matra.py")
LONG = [
    *(
        override.removeprefix("epik.")
        for override in tiny_run.OVERRIDES
        if override.startswith(("data.", "epik.teacher."))
    ),
    "teacher.loop.num_steps=60",
    "teacher.loop.save_every=1000",
    "teacher.loop.validate_every=0",
    "teacher.loop.keep_best=False",
]
"""So long that it can be stopped on the way."""


def options(folder: Path, *overrides: str) -> list[str]:
    """Of `run`, `train` or `cache`, small."""
    given = [*tiny_run.OVERRIDES, *overrides]
    config = [f"--config.{override}" for override in given]
    return [f"--config={tiny_run.CONFIG}", f"--workdir={folder}", *config]


def distance(one: Path, other: Path) -> float:
    """Of the parameters of two model folders, as a share of the second's norm."""
    ours, theirs = (
        np.concatenate(
            [
                np.ravel(leaf)
                for path, leaf in trees.flatten(load_model(folder).params).items()
                if not path.endswith("key/bias")  # See `parity.demand_equal`.
            ]
        )
        for folder in (one, other)
    )
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """A run of two processes of two devices, from the first word to the report."""
    folder = tmp_path_factory.mktemp("together")
    command = [*CLI, "run", *options(folder / "run", "mesh.data=4")]
    assert several.ended(several.started(command, 2, folder), folder) == [0, 0]
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same by one process on one device."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    runs.run(tiny_run.CONFIG, tiny_run.OVERRIDES, folder, evaluate=True)
    return folder


@pytest.mark.slow
def test_two_processes_train_every_recipe_as_one_device_does(tmp_path):
    script = [several.ROOT / "tests" / "one_of_several.py", tmp_path]
    assert several.ended(several.started(script, 2, tmp_path), tmp_path) == [0, 0]
    for name, (recipe, what, *_) in one_of_several.TRAINED.items():
        alone = one_of_several.updates(recipe, what, 1, 1)
        with np.load(tmp_path / f"{name}.npz") as found:
            leaves = {path: found[f"params/{path}"] for path in alone.params}
            run = dataclasses.replace(alone, losses=found["losses"], params=leaves)
        parity.demand_equal(run, alone)


@pytest.mark.slow
def test_a_run_of_two_processes_leaves_what_one_process_leaves(together, alone):
    run = together / "run"
    for model in ("teacher", "student"):
        assert distance(run / model, alone / model) < 1e-5
    assert {path.name for path in run.iterdir()} == {
        path.name for path in alone.iterdir()
    }
    logs = [
        [json.loads(line) for line in (folder / "metrics.jsonl").open()]
        for folder in (run, alone)
    ]
    assert [(r["stage"], r["step"]) for r in logs[0]] == [
        (r["stage"], r["step"]) for r in logs[1]
    ]
    for ours, theirs in zip(*logs, strict=True):
        for name in {"loss", "cost"} & ours.keys():
            assert ours[name] == pytest.approx(theirs[name], abs=5e-5)
    reports = [json.loads((f / "report.json").read_text()) for f in (run, alone)]
    for ours, theirs in zip(*(r["systems"] for r in reports), strict=True):
        assert ours["overall"] == theirs["overall"]


@pytest.mark.slow
def test_the_first_process_speaks_for_all(together):
    first, second = ((together / f"{i}.log").read_text() for i in range(2))
    assert "report: " in first and "step 4/4" in first
    # Gloo's threads write into each other's lines, so words are what can be told.
    gloo = "[Gloo] Rank is connected to peer ranks. Expected number of"
    said, known = ({*re.findall("[A-Za-z]+", text)} for text in (second, gloo))
    assert said <= known


@pytest.mark.slow
def test_shards_that_two_processes_wrote_are_those_of_one(alone, tmp_path):
    asked = (
        f"epik.teacher_folder={alone / 'teacher'}",
        "epik.transfer.num_shards=3",
    )
    command = [*CLI, "cache", *options(tmp_path / "two", "mesh.data=4", *asked)]
    assert several.ended(several.started(command, 2, tmp_path), tmp_path) == [0, 0]
    # Each process asks on two devices, and so does this one.
    overrides = [*tiny_run.OVERRIDES, "mesh.data=2", *asked]
    runs.fill_caches(tiny_run.CONFIG, overrides, tmp_path / "one")
    for alone in (tmp_path / "one" / "cache").glob("*/*"):
        written = tmp_path / "two" / alone.relative_to(tmp_path / "one")
        assert filecmp.cmp(alone, written, shallow=False), written
    assert not list((tmp_path / "two").rglob("*.note"))


@pytest.fixture(scope="module")
def unstopped(tmp_path_factory):
    """A longer training of a teacher by one process on one device."""
    folder = tmp_path_factory.mktemp("unstopped") / "run"
    runs.run(MATRA, LONG, folder, evaluate=False)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("told", [0, 1])
def test_all_stop_where_one_is_told_to_and_one_process_goes_on(
    unstopped, tmp_path, told
):
    folder = tmp_path / "run"
    given = [f"--config.{override}" for override in (*LONG, "mesh.data=4")]
    command = [*CLI, "train", f"--config={MATRA}", f"--workdir={folder}", *given]
    processes = several.started(command, 2, tmp_path)
    _wait_for("step 2/60", tmp_path / "0.log", processes)
    processes[told].send_signal(signal.SIGTERM)
    assert several.ended(processes, tmp_path) == [143, 143]
    saved = folder / "stages" / "matra" / "checkpoints"
    [step] = [int(path.name) for path in saved.iterdir() if path.name.isdigit()]
    assert 2 <= step < 60
    runs.run(MATRA, LONG, folder, evaluate=False)
    assert distance(folder / "teacher", unstopped / "teacher") < 1e-5


def started_script(folder: Path) -> subprocess.Popen[bytes]:
    """`launch/processes.sh` with a training that has taken its first steps."""
    given = [f"--config.{override}" for override in (*LONG, "mesh.data=4")]
    workdir = f"--workdir={folder / 'run'}"
    with (folder / "0.log").open("wb") as log:
        script = subprocess.Popen(
            [SCRIPT, "2", "train", f"--config={MATRA}", workdir, *given],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**several.environment(), "PYTHON": sys.executable, "LOGS": folder},
        )
    _wait_for("step 2/60", folder / "0.log", [script])
    return script


@pytest.mark.slow
def test_the_script_has_all_processes_save_and_gives_their_status(tmp_path):
    script = started_script(tmp_path)
    script.send_signal(signal.SIGTERM)
    assert script.wait(several.PATIENCE) == 143
    said = (tmp_path / "0.log").read_text()
    assert "the same command goes on from there" in said
    assert f"status 143; what the other processes said: {tmp_path}" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            "--config.teacher.seed=9",
            "config: teacher/seed is 0 in the first process, 9",
        ),
        ("--workdir=elsewhere", "what process 1 calls so is not the folder that the"),
    ],
)
def test_processes_that_were_not_told_the_same_are_ended_with_a_line(
    tmp_path, option, said
):
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *--process-id=1) set -- "$@" {option} ;; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    folder = tmp_path / "run"
    workdir = [f"--workdir={folder}", "--config.mesh.data=0"]
    done = subprocess.run(
        [SCRIPT, "2", "train", f"--config={MATRA}", *workdir],
        capture_output=True,
        text=True,
        env={**several.environment(), "PYTHON": str(python), "LOGS": tmp_path},
        timeout=several.PATIENCE,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    [line] = [x for x in done.stderr.splitlines() if x.startswith("epik-jax:")]
    assert said in line
    assert not folder.exists()


@pytest.mark.slow
def test_what_all_processes_refuse_ends_all_with_a_line_and_status_2(tmp_path):
    done = subprocess.run(
        [SCRIPT, "2", "train", f"--config={MATRA}", f"--workdir={tmp_path / 'run'}"],
        capture_output=True,
        text=True,
        env={**several.environment(), "PYTHON": sys.executable, "LOGS": tmp_path},
        timeout=several.PATIENCE,
    )
    assert done.returncode == 2
    [said] = [x for x in done.stderr.splitlines() if x.startswith("epik-jax:")]
    assert "leaves out some of the 4 devices of 2 processes" in said
    assert "set config.mesh.data to 0" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "usage: launch/processes.sh N COMMAND"),
        (["two", "run"], 2, "usage: launch/processes.sh N COMMAND"),
        (["0", "run"], 2, "usage: launch/processes.sh N COMMAND"),
        (["2"], 2, "no command is given"),
    ],
)
def test_the_script_says_how_it_is_called(arguments, status, said):
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True)
    assert done.returncode == status and said in done.stderr
    assert done.stdout == ""


def test_a_folder_that_another_process_does_not_hold_is_refused(tmp_path):
    (tmp_path / ".lock").write_text("12")
    assert run_folder.is_held_by(tmp_path, 12)
    assert not run_folder.is_held_by(tmp_path, 13, patience=0.0)


def _wait_for(text: str, log: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + several.PATIENCE
    while text not in log.read_text(errors="replace"):
        assert time.monotonic() < until and processes[0].poll() is None, log.read_text()
        time.sleep(0.05)
