"""Programs as lines of a terminal and as JSON."""

from __future__ import annotations

import json

from epik_jax.compiling import report
from epik_jax.compiling.chips import CHIPS, GIB

FIGURES = {
    "name": "toy",
    "also": [],
    "compile_seconds": 1.25,
    "hbm_bytes": 3 * GIB,
    "hbm_limit": 16 * GIB,
    "flops": 394e9,
    "hbm_traffic": 819e6,
    "at_most": False,
    "unknown": [],
    "estimate": {"seconds": 2e-3, "of": "computing", "utilisation": 1.0},
    "collectives": {"all-reduce": {"count": 2, "bytes": 8000}},
    "warnings": ["is slow"],
}
HELD = "toy: compiled in 1.2 s; 3.000 GiB of 16, "
WORK = "394.00 GFLOP, 819.0 MB; "


def test_a_program_is_a_line_with_its_exchanges_and_warnings_below():
    assert [*report.lines(FIGURES)] == [
        HELD + WORK + "2.000 ms by computing, MFU 100.0%",
        "    all-reduce: 2, 0.008 MB",
        "    warning: is slow",
    ]


def test_of_a_loop_that_may_end_early_the_most_is_told():
    first, *_ = report.lines(FIGURES | {"at_most": True})
    assert first == (
        HELD + "at most " + WORK + "at most 2.000 ms by computing, MFU 100.0%"
    )


def test_of_what_cannot_be_counted_nothing_is_estimated():
    told = {"unknown": ["how often while.3 goes round"], "estimate": None}
    first, *_ = report.lines(FIGURES | {"at_most": True} | told)
    assert first == (
        HELD + "at least " + WORK + "no estimate: it is not known how often while.3 "
        "goes round"
    )


def test_programs_that_are_one_are_named_with_their_number():
    first, *_ = report.lines(FIGURES | {"also": ["second", "third"]})
    assert first.startswith("toy (and 2 more of the same: second; third): compiled in")


def test_a_program_that_is_refused_is_a_line_with_its_name_and_why():
    [line] = report.lines({"name": "toy", "also": [], "failed": "20G of 15.75G"})
    assert line == "toy: cannot be compiled: 20G of 15.75G"


def test_json_names_command_chip_and_programs(tmp_path):
    out, asked = tmp_path / "compiled.json", ("a/configs/x.py:tiny", [], "v5e:4x8")
    report.write(out, *asked, [FIGURES])
    made = json.loads(out.read_text())
    assert made["command"] == (
        "epik-jax compile-tpu --topology=v5e:4x8 --config=configs/x.py:tiny"
    )
    assert made["num_chips"] == 32 and made["programs"] == [FIGURES]
    assert made["chip"]["link_per_second"] == CHIPS["v5e"].link_per_second
