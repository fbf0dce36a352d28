"""A setting is varied under what was asked, on one crowd."""

from __future__ import annotations

from pathlib import Path

import pytest
import seeded
import sweep

from epik_jax.recipes import run

TINY = f"{Path(__file__).parents[2]}/configs/tmkd.py:tiny"

ARGV = ["--config", "/here/configs/tmkd.py:real-rte", "--workdir", "/there/run"]
RATIO = ["--vary", "tmkd.student.soft.ratio", "0.5", "0.9"]


@pytest.fixture
def options(monkeypatch):
    """What a command line is read as."""

    def read(*words):
        monkeypatch.setattr("sys.argv", ["sweep.py", *ARGV, *words])
        return sweep._options()

    return read


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--vary x", "there is nothing to compare"),
        ("--vary x 1", "there is nothing to compare"),
        ("--vary x 1 1", "--vary has one twice"),
        ("--vary x 1 2 --seeds 4", "there is nothing to compare"),
        ("--vary x 1 2 --sed 1", "unknown: --sed"),
        ("", "--vary"),
    ],
)
def test_what_would_compare_nothing_is_refused(options, capsys, typed, said):
    with pytest.raises(SystemExit):
        options(*typed.split())
    assert said in capsys.readouterr().err


def test_a_command_holds_all_that_was_asked(options):
    assert sweep._command(*options(*RATIO, "--config.data.root=/here/lists")) == (
        "python benchmarks/sweep.py --config=configs/tmkd.py:real-rte "
        "--config.data.root=FOLDER --workdir=RUN --vary tmkd.student.soft.ratio "
        "0.5 0.9 --seeds 1 2 3 --part dev"
    )


def configured(*overrides):
    return run.configured(TINY, [*overrides])[1]


def compared(key, *values, beside=()):
    found = [configured(*beside, f"{key}={value}") for value in values]
    sweep._demand_comparable(key, found)


def test_settings_of_the_student_and_the_number_of_teachers_may_be_varied():
    compared("tmkd.student.soft.ratio", "0.5", "0.9")
    compared("tmkd.crowd.num_teachers", "1", "2")
    two_voices = [
        "tmkd.crowd.num_teachers=2",
        "tmkd.student.soft.weighing=fixed",
        "tmkd.student.soft.weights=(1.0,2.0)",
    ]
    compared("tmkd.student.soft.ratio", "0.5", "0.9", beside=two_voices)


@pytest.mark.parametrize(
    ("key", "values", "said"),
    [
        ("tmkd.student.soft.ratio", ("0.5", ".5"), "come to the same students"),
        ("tmkd.student.seed", ("5", "6"), "come to the same students"),
        ("tmkd.crowd.num_teachers", ("0", "3"), "come to the same students"),
        ("data.num_questions", ("20", "25"), "no setting of the student"),
        ("tmkd.crowd.num_validated", ("5", "6"), "no setting of the student"),
    ],
)
def test_values_that_cannot_be_compared_are_refused_before_training(key, values, said):
    with pytest.raises(ValueError, match=said):
        compared(key, *values)


def test_students_of_a_value_that_is_set_anyway_are_the_same():
    plain = configured()
    assert sweep._same(configured("tmkd.crowd.num_teachers=3"), plain)
    assert not sweep._same(configured("tmkd.crowd.num_teachers=2"), plain)
    assert not sweep._same(configured("tmkd.student.soft.ratio=0.5"), plain)


def test_a_varied_student_has_stages_of_its_own():
    small, large = (seeded.beside("tmkd.student.x", x) for x in ("1e-4", "1e+4"))
    assert (small, large) == ("x-1e-4", "x-1e+4")
    assert seeded.beside("tmkd.student.x", "(1, 2)") == "x--1-2-"
    names = {seeded.stages_of("TMKD", 1, beside) for beside in ("", small, large)}
    assert len(names) == 3 and "compared-TMKD-1" in names
