"""All programs of all recipes are compiled by the TPU's own compiler, without a TPU.

Needs libtpu, which CPUs do without: `pip install -r requirements-tpu.txt` into an
environment of its own, with pytest, and there `pytest -m tpu_compile`; all programs of
full size take twenty minutes more, `pytest -m tpu_compile_whole`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from epik_jax.compiling import report
from epik_jax.parallel import mesh as meshes
from epik_jax.parallel.topology import described_mesh
from epik_jax.recipes import run

ROOT = Path(__file__).parents[1]
NEEDED = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason="libtpu, the TPU's compiler, is not installed: requirements-tpu.txt has it",
)


def compile_tpu(config, topology, *options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = ["compile-tpu", f"--config={ROOT}/configs/{config}"]
    return subprocess.run(
        [sys.executable, "-m", "epik_jax", *words, f"--topology={topology}", *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


@NEEDED
@pytest.mark.tpu_compile
@pytest.mark.parametrize(
    ("recipe", "topology", "num_chips"),
    [
        *((recipe, "v5e:2x2", 4) for recipe in ("epik", "xtremedistil", "tmkd")),
        *((recipe, "v5e:4x8", 32) for recipe in ("epik", "xtremedistil", "tmkd")),
        # Its programs are those of EPIK's teacher.
        ("matra", "v4:2x2x1", 4),
        ("matra", "v5e:16x16", 256),
    ],
)
def test_every_program_is_compiled_and_fits(tmp_path, recipe, topology, num_chips):
    out = tmp_path / "compiled.json"
    # A row for each device, and no fewer than `tiny` has.
    _, settings, _ = run.configured(f"{ROOT}/configs/{recipe}.py:tiny", [])
    rows = [
        f"--config.{leg}.batches.batch_size={max(num_chips, 8)}"
        for leg in settings.legs
    ]
    done = compile_tpu(f"{recipe}.py:tiny", topology, f"--json={out}", *rows)
    assert done.returncode == 0, done.stderr[-2000:]
    made = json.loads(out.read_text())
    assert made["programs"] and made["num_chips"] == num_chips
    for program in made["programs"]:
        assert 0 < program["hbm_bytes"] < program["hbm_limit"], program["name"]
        assert program["flops"] > 0
        assert program["unknown"] == [] and program["estimate"]["seconds"] > 0
        [line] = re.findall(rf"(?m)^{program['name']}[ :].*", done.stdout)
        assert ": compiled in" in line
        if "update" in program["name"]:
            # Gradients are summed over all devices.
            assert program["collectives"]["all-reduce"]["bytes"] > 0


BERT = ("width=768", "num_heads=12", "feed_forward=3072")
FULL = {
    "epik": ("epik.py:real", []),
    # An mBERT, and the BiLSTM that is 35 times smaller.
    "xtremedistil": (
        "xtremedistil.py:real",
        [
            *(f"xtremedistil.teacher.model.{size}" for size in (*BERT, "layers=12")),
            "xtremedistil.pieces.size=119547",
            "xtremedistil.student.model.embedding=50",
            "xtremedistil.student.model.hidden=200",
        ],
    ),
    # Three BERTs, and the lowest blocks of one.
    "tmkd": (
        "tmkd.py:real",
        [
            *(
                f"tmkd.crowd.teachers[{number}].model.{size}"
                for number in range(3)
                for size in (*BERT, "layers=12")
            ),
            # As fast as the first, so that one update stands for three.
            *(
                f"tmkd.crowd.teachers[{number}].labels.optimizer.learning_rate=5e-4"
                for number in (1, 2)
            ),
            *(f"tmkd.student.encoder.{size}" for size in BERT),
            "tmkd.pieces.size=30522",
        ],
    ),
}


def compile_full(recipe, topology, folder, *options):
    """Programs of full size, each of which fits and is estimated."""
    config, sizes = FULL[recipe]
    out, overrides = folder / "compiled.json", [f"--config.{size}" for size in sizes]
    done = compile_tpu(config, topology, *options, f"--json={out}", *overrides)
    assert done.returncode == 0, done.stderr[-2000:]
    programs = json.loads(out.read_text())["programs"]
    for program in programs:
        assert program["hbm_bytes"] < program["hbm_limit"], program["name"]
        assert program["unknown"] == [], program["name"]
        assert 0 < program["estimate"]["utilisation"] <= 1
        decodes = program["name"].endswith(("greedy", "beam", "English"))
        assert program["at_most"] == decodes, program["name"]
        if decodes:
            # Rows are a chip's own: all that is asked is whether any goes on.
            assert set(program["collectives"]) <= {"all-reduce"}, program["name"]
            for kind in program["collectives"].values():
                assert kind["bytes"] <= 4 * kind["count"], program["name"]
    return programs


@NEEDED
@pytest.mark.tpu_compile
@pytest.mark.parametrize(
    ("recipe", "topology", "only", "stands_for"),
    [
        ("epik", "v5e:2x2", "", [1] * 6),
        ("epik", "v5e:4x8", "student", [1] * 3),
        ("xtremedistil", "v5e:2x2", "teacher, signals", [1]),
        ("xtremedistil", "v5e:2x2", "student, tags", [1]),
        ("xtremedistil", "v5e:4x8", "student update, representation", [1]),
        ("tmkd", "v5e:2x2", "signals", [3]),
        ("tmkd", "v5e:4x8", "student update, task", [1]),
    ],
)
def test_programs_of_full_size_fit_and_are_estimated(
    tmp_path, recipe, topology, only, stands_for
):
    programs = compile_full(recipe, topology, tmp_path, f"--only={only}")
    assert [1 + len(program["also"]) for program in programs] == stands_for


@NEEDED
@pytest.mark.tpu_compile_whole
@pytest.mark.parametrize("topology", ["v5e:2x2", "v5e:4x8"])
@pytest.mark.parametrize(
    ("recipe", "num_programs"), [("epik", 6), ("xtremedistil", 7), ("tmkd", 5)]
)
def test_every_program_of_full_size_fits(tmp_path, recipe, num_programs, topology):
    assert len(compile_full(recipe, topology, tmp_path)) == num_programs


@NEEDED
@pytest.mark.tpu_compile
def test_what_is_computed_again_is_not_held_meanwhile():
    # A batch that does not stay on the chip; a BiLSTM's compiles quickly.
    asked = (f"{ROOT}/configs/xtremedistil.py:tiny", "v5e:1x1")
    rows = "xtremedistil.student.batches.batch_size=2048"
    held, again = (
        next(report.compiled(asked[0], [rows, how], asked[1], "representation"))
        for how in ("compute.rematerialise=False", "compute.rematerialise=True")
    )
    assert 0 < again["temporary_bytes"] < 0.5 * held["temporary_bytes"]


@NEEDED
@pytest.mark.tpu_compile
def test_a_program_that_no_chip_holds_is_told_with_what_to_do(tmp_path):
    out, rows = tmp_path / "compiled.json", "xtremedistil.student.batches.batch_size"
    given = ("--only=representation", f"--json={out}", f"--config.{rows}=2000000")
    done = compile_tpu("xtremedistil.py:tiny", "v5e:1x1", *given)
    assert (done.returncode, done.stderr) == (1, "")
    [program] = json.loads(out.read_text())["programs"]
    assert f"{program['name']}: cannot be compiled: {program['failed']}" in done.stdout
    assert "(15.75G); where memory is short, raise loop." in program["failed"]


@NEEDED
@pytest.mark.tpu_compile
@pytest.mark.parametrize(
    ("topology", "said"),
    [
        ("v5e:3x5", "topology 'v5e:3x5' cannot be had"),
        ("v5e", "topology 'v5e' is not of the form v5e:4x8"),
    ],
)
def test_a_topology_that_is_none_is_told_in_a_line(topology, said):
    done = compile_tpu("epik.py:tiny", topology)
    assert done.returncode == 2 and done.stdout == ""
    [line] = done.stderr.splitlines()
    assert said in line


def test_a_file_that_cannot_be_written_is_told_before_anything_is_compiled(tmp_path):
    done = compile_tpu("epik.py:tiny", "v5e:2x2", f"--json={tmp_path}")
    assert done.returncode == 2 and done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "is a folder; name a file to write" in line


@pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is not None, reason="libtpu is installed"
)
def test_without_the_compiler_it_is_said_where_to_get_it():
    done = compile_tpu("epik.py:tiny", "v5e:2x2")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "needs libtpu: pip install -r requirements-tpu.txt" in line


@NEEDED
@pytest.mark.tpu_compile
def test_a_host_asks_its_own_chips_wherever_they_lie_in_a_mesh(monkeypatch):
    mesh = described_mesh("v5e:4x8", 2)
    hosts = {device.process_index for device in mesh.devices.flat}
    found = []
    for host in hosts:
        monkeypatch.setattr("jax.process_index", lambda host=host: host)
        part = meshes.own(mesh)
        assert {device.process_index for device in part.devices.flat} == {host}
        assert dict(part.shape) == {"data": 32 // len(hosts) // 2, "model": 2}
        found += [*part.devices.flat]
    assert len(hosts) > 1 and {*found} == {*mesh.devices.flat}
