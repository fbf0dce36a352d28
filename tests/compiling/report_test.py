"""Programs as lines of a terminal and as JSON."""

from __future__ import annotations

import json

from epik_jax.compiling import report
from epik_jax.compiling.chips import CHIPS, GIB

FIGURES = {
    "name": "toy",
    "compile_seconds": 1.25,
    "hbm_bytes": 3 * GIB,
    "hbm_limit": 16 * GIB,
    "flops": 394e9,
    "bytes": 819e6,
    "num_loops": 0,
    "estimate": {"seconds": 2e-3, "of": "computing", "utilisation": 1.0},
    "collectives": {"all-reduce": {"count": 2, "bytes": 8000}},
    "warnings": ["is slow"],
}
SIZES = "toy: compiled in 1.2 s; 3.000 GiB of 16, 394.00 GFLOP, 819.0 MB; "


def test_a_program_is_a_line_with_its_exchanges_and_warnings_below():
    assert [*report.lines(FIGURES)] == [
        SIZES + "2.000 ms by computing, MFU 100.0%",
        "    all-reduce: 2, 0.008 MB",
        "    warning: is slow",
    ]


def test_of_a_program_with_loops_nothing_is_estimated():
    first, *_ = report.lines(FIGURES | {"num_loops": 3, "estimate": None})
    assert first == SIZES + "no estimate, for 3 loops count once"


def test_a_program_that_is_refused_is_a_line_with_what_may_help():
    [line] = report.lines({"name": "toy", "rows": 8, "failed": "20G of 15.75G"})
    assert line.startswith("toy: cannot be compiled: 20G of 15.75G; ")
    assert "loop.num_microbatches or mesh.model" in line


def test_json_names_command_chip_and_programs(tmp_path):
    out, asked = tmp_path / "compiled.json", ("a/configs/x.py:tiny", [], "v5e:4x8")
    report.write(out, *asked, [FIGURES])
    made = json.loads(out.read_text())
    assert made["command"] == (
        "epik-jax compile-tpu --topology=v5e:4x8 --config=configs/x.py:tiny"
    )
    assert made["num_chips"] == 32 and made["programs"] == [FIGURES]
    assert made["chip"]["link_per_second"] == CHIPS["v5e"].link_per_second
