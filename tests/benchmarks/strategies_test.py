"""Strategies are compared under what was asked, and each is told apart by its name."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import strategies
import toy_tagging

from epik_jax.evaluation.entities import entity_scores
from epik_jax.evaluation.glossary import OF_ENTITIES
from epik_jax.recipes.tagging.scoreboard import Tagged
from epik_jax.structs import Sentence

ARGV = ["--config", "/here/configs/xtremedistil.py:real", "--workdir", "/there/run"]


@pytest.fixture
def options(monkeypatch):
    """What a command line is read as."""

    def read(*words):
        monkeypatch.setattr("sys.argv", ["strategies.py", *ARGV, *words])
        return strategies._options()

    return read


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--strategies D1 D2 D1", "--strategies has one twice"),
        ("--seeds 4 4", "--seeds has one twice"),
        ("--seeds 1 -1", "--seeds are not all from 0 to 4294967295"),
        ("--seeds 4294967296", "--seeds are not all from 0 to 4294967295"),
        ("--strategies D5", "invalid choice: 'D5'"),
        ("--weights 1 2", "expected 3 arguments"),
        ("--sed 1 data.seed=1", "unknown: --sed"),
    ],
)
def test_what_would_compare_nothing_is_refused(options, capsys, typed, said):
    with pytest.raises(SystemExit):
        options(*typed.split())
    assert said in capsys.readouterr().err


def test_settings_are_handed_on_and_strategies_kept_in_their_order(options):
    found, overrides = options("--strategies", "D2", "D1", "--config.data.seed=5")
    assert found.strategies == ["D2", "D1"] and found.seeds == [1, 2, 3]
    assert overrides == ["data.seed=5"]
    with pytest.raises(ValueError, match="is a folder"):
        options("--json", "/")


def test_a_command_holds_all_that_was_asked_and_no_folder_of_the_machine(options):
    typed = (
        "--strategies D2 D1 --seeds 4 5 --weights 1 0.5 2.25 --part dev "
        "--config.data.root=/here/lists --config.data.seed=7"
    )
    command = strategies._command(*options(*typed.split()))
    assert command == (
        "python benchmarks/strategies.py --config=configs/xtremedistil.py:real "
        "--config.data.root=FOLDER --config.data.seed=7 --workdir=RUN "
        "--strategies D2 D1 --seeds 4 5 --weights 1 0.5 2.25 --part dev"
    )
    assert "--weights" not in strategies._command(*options("--seeds", "4"))


@pytest.mark.parametrize(
    ("strategy", "joint"),
    [("D0-S", False), ("D4.1", False), ("D4.2", False)]
    + [(name, True) for name in ("D1", "D2", "D3.1", "D3.2")],
)
def test_weights_tell_students_apart_where_something_is_learnt_at_once(strategy, joint):
    even, uneven, other = (
        strategies._prefix(toy_tagging.student(strategy=strategy, **changes))
        for changes in ({}, {"weights": (1.0, 0.5, 2.25)}, {"seed": 2})
    )
    assert (even != uneven) == joint and other != even
    if joint:
        assert uneven == f"{even.removesuffix('-1-1-1')}-1-0.5-2.25"


def test_steps_and_minutes_are_those_of_a_student_s_own_stages():
    student = toy_tagging.student(strategy="D4.1")
    own = [f"{strategies._prefix(student)}-{s.name}" for s in student.sub_stages]
    rows = [
        (own[0], 5, 60.0, 30.0),
        (own[0], 9, 60.0, 0.0),
        (own[1], 7, 30.0, 0.0),
        (f"{own[0]}0", 99, 999.0, 0.0),
        (own[0].replace("-1-", "-11-", 1), 99, 999.0, 0.0),
        ("student-1-representation", 99, 999.0, 0.0),
    ]
    keys = "stage", "step", "window_seconds", "outside_seconds"
    log = [dict(zip(keys, row, strict=True)) for row in rows]
    log.append({"stage": own[1], "step": 6, "cost": 0.5})
    other = dataclasses.replace(student, seed=2)
    assert strategies._spent(log, [student, other]) == {
        "taken": [16, 0],
        "minutes": [3.0, 0.0],
    }


def test_of_a_student_a_language_the_steps_of_all_languages_count():
    student = toy_tagging.student(strategy="D0")
    stages = [f"{strategies._prefix(student)}-{x}" for x in ("en-1-labels",) * 2]
    stages += [f"{strategies._prefix(student)}-zh-Hans-1-labels"]
    stages += ["compared-D0-11-en-1-labels", "compared-D0-S-1-1-labels"]
    keys = "stage", "step", "window_seconds", "outside_seconds"
    log = [
        dict(zip(keys, (s, n, 60.0, 0.0), strict=True)) for n, s in enumerate(stages)
    ]
    assert strategies._spent(log, [student]) == {"taken": [3], "minutes": [3.0]}


THERE = [("B-PER",), ("B-PER",), ("B-LOC",), ("B-LOC",)] * 5
LANGS = ["en", "en", "hi", "hi"] * 5


def tagged(*right):
    """Of each language this share of the sentences is tagged rightly."""
    answers, seen = [], dict.fromkeys(LANGS, 0)
    shares = dict(zip(seen, right, strict=True))
    for tags, lang in zip(THERE, LANGS, strict=True):
        answers.append(tags if seen[lang] < 10 * shares[lang] else ("B-ORG",))
        seen[lang] += 1
    return Tagged(
        [Sentence(str(i), ("x",), lang) for i, lang in enumerate(LANGS)],
        np.array(["l"] * 20),
        np.array(LANGS),
        answers,
        entity_scores(THERE, answers),
        OF_ENTITIES,
    )


FIRST = [tagged(0.2, 0.4), tagged(0.4, 0.4)]
BETTER = [tagged(1.0, 1.0), tagged(1.0, 0.8)]


def test_a_row_holds_mean_sample_sd_and_the_difference_from_the_first():
    row = strategies._row("D2", BETTER, FIRST)
    assert row["each"] == pytest.approx([1.0, 0.9])
    assert row["mean"] == pytest.approx(0.95)
    assert row["sd"] == pytest.approx(0.1 / 2**0.5)
    assert row["by_language"] == pytest.approx({"en": 1.0, "hi": 0.9})
    assert row["difference"]["value"] == pytest.approx(0.95 - 0.35)
    assert row["difference"]["low"] > 0 and row["verdict"] == "better"
    assert strategies._line(row).startswith("D2      95.00 ± 7.07   +60.00 [+")
    swapped = strategies._row("D1", FIRST, BETTER)
    assert swapped["difference"]["value"] == pytest.approx(-0.6)
    assert swapped["verdict"] == "worse"


def test_the_first_row_and_rows_of_one_run_have_no_difference():
    for row in (
        strategies._row("D4.2", FIRST, FIRST),
        strategies._row("D2", BETTER[:1], FIRST[:1]),
    ):
        assert "difference" not in row and "verdict" not in row
    assert row["sd"] == 0.0 and row["mean"] == pytest.approx(1.0)


def test_of_dev_lists_those_sentences_are_scored_by_which_nothing_was_chosen():
    corpus = toy_tagging.corpus()
    chosen = strategies._lists(corpus, "dev", 1)
    assert {name: len(found) for name, found in chosen.items()} == {
        name: len(found) - 1 for name, found in corpus.dev.items()
    }
    for part, count in (("dev", 99), ("test", 1)):
        with pytest.raises(ValueError, match=f"nothing of split '{part}' to score"):
            strategies._lists(corpus, part, count)
