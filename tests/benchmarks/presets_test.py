"""Presets are compared under what was asked, over questions and seeds."""

from __future__ import annotations

import presets
import pytest

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
    typed = "--presets TMKD none --seeds 4 5 --part dev --config.data.root=/here/lists"
    assert presets._command(*options(*typed.split())) == (
        "python benchmarks/presets.py --config=configs/tmkd.py:real-rte "
        "--config.data.root=FOLDER --workdir=RUN --presets TMKD none --seeds 4 5 "
        "--part dev"
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
