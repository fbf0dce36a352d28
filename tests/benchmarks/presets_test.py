"""Presets are compared under what was asked, over questions and seeds."""

from __future__ import annotations

import numpy as np
import presets
import pytest

from epik_jax.evaluation.glossary import OF_CLASSES
from epik_jax.evaluation.resampling import Ratio
from epik_jax.recipes.scoring.scoreboard import Scored

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


def scored(share, seed, lists=("a",) * 150 + ("b",) * 50):
    hits = np.random.default_rng(seed).random(200) < share
    ratio = Ratio(hits.astype(float), np.ones(200))
    names = {"accuracy": np.array(lists)}
    return Scored((), {"accuracy": ratio}, names, OF_CLASSES)


def test_a_row_has_means_over_lists_and_seeds_and_its_distance_from_the_first():
    good, bad = ([scored(share, seed) for seed in (1, 2, 3)] for share in (0.9, 0.5))
    row = presets._row(bad, good, "accuracy")
    values = [
        np.mean([one.ratios["accuracy"].numerators[rows].mean() for rows in parts])
        for one in bad
        for parts in [(slice(150), slice(150, None))]
    ]
    np.testing.assert_allclose(row["each"], values)
    assert row["mean"] == pytest.approx(np.mean(values))
    assert row["verdict"] == "worse" and row["difference"]["high"] < 0
    first = presets._row(good, good, "accuracy")
    assert "difference" not in first
    line = presets._line({"system": "none", **row})
    assert line.startswith("none") and "worse" in line
