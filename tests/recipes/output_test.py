"""A file to be written is tried before work begins, and nothing is lost by it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from epik_jax.evaluation.report import write_report
from epik_jax.recipes.output import demand_writable

SOURCE = """
import sys, pathlib
from epik_jax.recipes.output import demand_writable
demand_writable(pathlib.Path(sys.argv[1]))
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "log.txt"])
def test_the_file_that_output_goes_to_is_not_written_over(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "log.txt").write_text("an earlier line\n")
    with (tmp_path / "log.txt").open("a") as log:
        done = subprocess.run(
            [sys.executable, "-c", SOURCE, name],
            cwd=tmp_path,
            stdout=log,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )
    assert f"{name} is where this command's own output goes" in done.stderr
    assert (tmp_path / "log.txt").read_text() == "an earlier line\n"


def test_trying_a_file_leaves_no_folder(tmp_path: Path) -> None:
    demand_writable(tmp_path / "a" / "b" / "c.json")
    assert not list(tmp_path.iterdir())


def test_figures_are_written_to_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "there" / "b.json")
    for path in (tmp_path / "new" / "a.json", tmp_path / "link"):
        demand_writable(path)
        write_report(path, {"figure": 1})
        assert json.loads(path.read_text()) == {"figure": 1}


def test_a_folder_that_could_not_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(ValueError, match="plain is no folder"):
        demand_writable(tmp_path / "plain" / "b" / "c.json")
