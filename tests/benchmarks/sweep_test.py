"""A setting is varied under what was asked, on one crowd."""

from __future__ import annotations

import pytest
import sweep

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
