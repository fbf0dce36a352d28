"""TMKD at its smallest: pieces, crowd, cache, student, report, and again."""

from __future__ import annotations

import dataclasses
import html
import json
from pathlib import Path

import pytest
import tiny_run
import toy_pairs
from console import call

from epik_jax.evaluation import pairs_page
from epik_jax.interop.model_folder import load_scorer
from epik_jax.recipes import run as runs
from epik_jax.recipes.scoring.scoreboard import Scored
from epik_jax.teachers import placed

CONFIG = f"{Path(__file__).parents[1]}/configs/tmkd.py:tiny"
LEGS = [
    *(f"crowd.teachers[{n}].{leg}" for n in range(2) for leg in ("masked", "labels")),
    *("student.general", "student.task"),
]
OVERRIDES = [
    "data.num_questions=10",
    *(f"tmkd.{leg}.loop.num_steps=2" for leg in LEGS),
    *(f"tmkd.{leg}.batches.batch_size=4" for leg in LEGS),
    "tmkd.student.encoder.width=8",
    "tmkd.student.encoder.feed_forward=8",
    *(f"tmkd.crowd.teachers[{n}].model.width=8" for n in range(2)),
    *(f"tmkd.crowd.teachers[{n}].model.feed_forward=8" for n in range(2)),
    *(f"tmkd.crowd.teachers[{n}].model.layers=1" for n in range(2)),
]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A run folder, what each of two runs trained, and the last report."""
    folder = tmp_path_factory.mktemp("scorer")
    trained: list[list[str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placed, "WIDTH_STEP", 40)
        plain = runs.settings.read_config

        def two_teachers(config, overrides):
            found = plain(config, overrides)
            del found["tmkd"]["crowd"]["teachers"][2:]
            return found

        patch.setattr(runs.settings, "read_config", two_teachers)
        with tiny_run.small(trained):
            trained.append([])
            runs.fill_caches(CONFIG, OVERRIDES, folder)
            trained.append([])
            runs.run(CONFIG, OVERRIDES, folder, evaluate=False)
            trained.append([])
            report = runs.run(CONFIG, OVERRIDES, folder, evaluate=True)
    return folder, trained, report


def test_teachers_are_trained_once_then_the_student_then_nothing(done):
    _, trained, _ = done
    masked = trained[0][0]
    assert trained[0] == [masked, "teacher-first", "teacher-second"]
    assert masked.startswith("masked-")
    assert trained[1] == ["student-general", "student-task"]
    assert trained[2] == []


def test_a_run_leaves_all_models_whole(done):
    folder, _, _ = done
    names = ("teachers/first", "teachers/second", "general-student", "student")
    headers = [load_scorer(folder / name).config.num_headers for name in names]
    assert headers == [1, 1, 3, 3]
    card = (folder / "student" / "README.md").read_text()
    assert "Scores pairs of texts" in card and "language:" not in card


def test_the_report_holds_every_system_and_its_page_shows_them(done):
    folder, _, report = done
    assert [s["name"] for s in report["systems"]] == [
        *("first", "second", "crowd", "student")
    ]
    assert report["metric"] == "map"
    assert report["systems"][2]["parameters"] == sum(
        s["parameters"] for s in report["systems"][:2]
    )
    assert set(report["differences"]) == {"first", "second", "crowd"}
    assert sum(report["data"]["general"].values()) > report["data"]["n"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in (
        "MAP",
        "Pairs a second",
        "Seen differently",
        "Against its teachers",
        "crowd",
        "MRR",
    ):
        assert text in page, text
    assert json.loads((folder / "report.json").read_text()) == json.loads(
        json.dumps(report)
    )
    assert "times the pairs a second of crowd" in runs.summary(report)


def test_figures_say_how_many_questions_they_are_of_and_what_was_not_read(done):
    _, _, report = done
    asked = report["data"]["questions"]["builtin"]
    assert asked["questions"] == report["data"]["n"] // 5
    assert set(report["data"]["cut"]) == {"builtin"}
    cut = {**report, "data": {**report["data"], "cut": {"builtin": 0.25}}}
    assert "the end of 25.0 % of the pairs is not read" in pairs_page.render(cut)
    assert "is not read" not in pairs_page.render(
        {**report, "data": {**report["data"], "cut": {"builtin": 0.0}}}
    )
    mute = {**report, "data": {**report["data"], "general": {}}}
    assert "pairs without labels" in pairs_page.render(report)
    assert "pairs without labels" not in pairs_page.render(mute)


def test_pairs_that_student_and_crowd_see_differently_are_shown(done):
    _, _, report = done
    assert set(report["samples"][0]["probs"]) == {"student", "crowd"}
    text = report["samples"][0]["text_b"]
    assert text in html.unescape(pairs_page.render(report))
    assert "Seen differently" not in pairs_page.render({**report, "samples": []})


def test_the_headline_compares_with_the_best_teacher_and_says_which(done):
    _, _, report = done
    one, other, crowd, student = report["systems"]
    best = max(one, other, key=lambda x: x["overall"]["map"]["value"])
    sure = {**crowd["overall"], "map": {"value": 1.0, "low": 1.0, "high": 1.0}}
    told = {**report, "systems": [one, other, {**crowd, "overall": sure}, student]}
    tiles = pairs_page.render(told).partition('class="tiles"')[2].partition("<dl")[0]
    assert tiles.count(f"teacher {best['name']}") == 3 and "crowd" not in tiles


def test_where_no_question_has_a_right_candidate_accuracy_is_told():
    lists = {"x": [dataclasses.replace(pair, label="no") for pair in toy_pairs.PAIRS]}
    network = toy_pairs.network(toy_pairs.CONFIGS[1])
    scored = Scored.of([network], lists, "yes")
    assert scored.main == "accuracy" and "map" not in scored.figures()["overall"]
    ranked = Scored.of([network], {"x": toy_pairs.PAIRS}, "yes")
    assert ranked.main == "map"


def test_what_a_page_shows_is_escaped_and_an_unknown_layout_refused(done):
    _, _, report = done
    hostile = {**report, "title": "<script>"}
    assert "<script>" not in pairs_page.render(hostile).partition("<h1")[2][:60]
    with pytest.raises(ValueError, match="format"):
        pairs_page.render({**report, "format": "another"})


def test_the_student_can_be_exported_with_its_figures(done, tmp_path, capsys):
    folder, _, _ = done
    argv = ["export", "--workdir", folder, "--out", tmp_path / "out", "--bfloat16"]
    status, _, _ = call(capsys, *argv, "--metrics", folder / "report.json")
    assert status == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| Pairs | n |" in card and "builtin" in card
