"""Presets are compared under what was asked, over questions and seeds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import presets
import pytest

from epik_jax.recipes import run

TINY = f"{Path(__file__).parents[2]}/configs/tmkd.py:tiny"
ARGV = ["--config", "/here/configs/tmkd.py:real-rte", "--workdir", "/there/run"]


@pytest.fixture
def options(monkeypatch):
    """What a command line is read as."""

    def read(*words):
        monkeypatch.setattr("sys.argv", ["presets.py", *ARGV, *words])
        return presets._options()

    return read


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--presets TKD TKD", "--presets has one twice"),
        ("--seeds 4 4", "--seeds has one twice"),
        ("--seeds 1 -1", "--seeds are not all from 0 to 4294967295"),
        ("--presets KD", "invalid choice: 'KD'"),
        ("--sed 1", "unknown: --sed"),
        ("--seeds 1", "cannot be seen in fewer than two"),
    ],
)
def test_what_would_compare_nothing_is_refused(options, capsys, typed, said):
    with pytest.raises(SystemExit):
        options(*typed.split())
    assert said in capsys.readouterr().err


def test_all_presets_are_compared_with_tmkd_unless_others_are_named(options):
    found, _ = options()
    assert found.presets[0] == "TMKD" and len(found.presets) == 7
    assert found.seeds == [1, 2, 3, 4, 5]


def test_a_command_holds_all_that_was_asked_and_no_folder_of_the_machine(options):
    typed = "--presets TMKD none --seeds 4 5 --part dev --even-steps "
    typed += "--config.data.root=/here/lists"
    assert presets._command(*options(*typed.split())) == (
        "python benchmarks/presets.py --config=configs/tmkd.py:real-rte "
        "--config.data.root=FOLDER --workdir=RUN --presets TMKD none --seeds 4 5 "
        "--part dev --even-steps"
    )


def test_several_tasks_are_one_command(options):
    more = ["--config", "/here/configs/tmkd.py:real-rte"]
    more.append("/here/configs/tmkd.py:real-sick")
    assert presets._command(*options(*more, "--presets", "TMKD")) == (
        "python benchmarks/presets.py --config configs/tmkd.py:real-rte "
        "configs/tmkd.py:real-sick --workdir=RUN --presets TMKD --seeds 1 2 3 4 5 "
        "--part test"
    )


def test_two_tasks_of_one_name_are_refused(options, capsys):
    with pytest.raises(SystemExit):
        options("--config", "a.py:real-rte", "b.py:bert-rte")
    assert "['rte', 'rte'] have one name" in capsys.readouterr().err
    assert presets._names(["a/b.py:tiny", "a-b.py", "b.py:real-x"]) == [
        *("tiny", "a-b", "x")
    ]


def test_with_even_steps_every_student_takes_as_many_on_stages_of_its_own(options):
    built = run.configured(TINY, [])[1]
    task, general = (
        leg.loop.num_steps
        for leg in (built.tmkd.student.task, built.tmkd.student.general)
    )
    plain, even = options()[0], options("--even-steps")[0]
    for preset, asked, steps in [
        *(("none", plain, task), ("none", even, task + general)),
        *(("TMKD", plain, task), ("TMKD", even, task)),
    ]:
        student = presets._student(built, preset, 3, asked)
        assert (student.preset, student.seed) == (preset, 3)
        assert student.task.loop.num_steps == steps
        same = f"compared-{preset}-3"
        assert (presets._stages(student, built) == same) == (steps == task)


def test_even_steps_need_a_first_stage_to_be_even_with(options):
    built = run.configured(TINY, ["tmkd.student.preset=none"])[1]
    lone = dataclasses.replace(built.tmkd.student, general=None)
    tmkd = dataclasses.replace(built.tmkd, student=lone)
    built = dataclasses.replace(built, tmkd=tmkd)
    with pytest.raises(ValueError, match="is no first stage"):
        presets._student(built, "none", 1, options("--even-steps")[0])
