"""The report of a tagging run: true of what was shipped, whole, and the same again."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
import tiny_run
import tiny_tagger_run
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from tiny_tagger_run import CONFIG, OVERRIDES

from epik_jax import trees
from epik_jax.data.conll import TYPES
from epik_jax.data.templates import template_sentences
from epik_jax.evaluation.tables import percent
from epik_jax.interop.model_folder import load_labeller
from epik_jax.recipes import run as runs
from epik_jax.recipes.provenance import trained_seconds
from epik_jax.recipes.tagging import report as reports
from epik_jax.recipes.tagging.examination import network_of
from epik_jax.recipes.tagging.tagger import label_lines

LANGS = ("en", "hi")
SMALL = [
    *OVERRIDES,
    "data.num_sentences=40",
    "xtremedistil.teacher.masked=None",
    "xtremedistil.teacher.model.width=16",
    "xtremedistil.student.model.hidden=8",
    "xtremedistil.student.loop.patience=0",
    "xtremedistil.student.strategy=D0-S",
    *(
        f"xtremedistil.{stage}.{setting}"
        for stage in ("teacher.tagging", "student")
        for setting in (
            "batches.batch_size=16",
            "loop.num_steps=100",
            "loop.save_every=100",
            "loop.validate_every=0",
            "loop.keep_best=False",
            "optimizer.learning_rate=0.02",
        )
    ),
    "xtremedistil.sweep.sizes=((4, 4),)",
    "xtremedistil.sweep.num_steps=4",
    "scoreboard.latency.batch_sizes=(2,)",
    "scoreboard.latency.length=8",
    "scoreboard.latency.runs=2",
]
DOCUMENT = Path(__file__).parents[1] / "docs" / "xtremedistil.md"


def reported(folder, overrides, config=CONFIG):
    """The report of a run, and what was trained for it; a second counts as a minute."""
    trained = [[]]
    with (
        tiny_run.small(trained),
        tiny_tagger_run.one_width(),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(
            reports, "trained_seconds", lambda rows: 60 * trained_seconds(rows)
        )
        made = runs.run(config, overrides, folder, evaluate=True)
    assert made == json.loads((folder / "report.json").read_text())
    return made, trained[0]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """Folder, report and stages of a run that tags words, with a second size."""
    folder = tmp_path_factory.mktemp("words")
    return folder, *reported(folder, SMALL)


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    """Folder and report of a run that labels whole sentences."""
    folder = tmp_path_factory.mktemp("sentences")
    overrides = [*SMALL, "xtremedistil.sweep.sizes=()"]
    return folder, reported(folder, overrides, f"{CONFIG}-sentences")[0]


@pytest.fixture(scope="module")
def apart(words, tmp_path_factory):
    """Folder, report and stages of a run with a student a language."""
    folder = tmp_path_factory.mktemp("apart")
    overrides = [
        *SMALL,
        "xtremedistil.student.strategy=D0",
        "xtremedistil.student.loop.num_steps=2",
        f"xtremedistil.teacher_folder={words[0] / 'teacher'}",
    ]
    return folder, *reported(folder, overrides)


def shipped(folder):
    return network_of(load_labeller(folder))


def held_back(lang):
    return template_sentences("test", count=8, seed=0, langs=(lang,))


def shown(folder):
    """The text of the page."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    return html.unescape(re.sub(r"<[^>]*>", " ", page.split("</style>")[1]))


def test_the_report_holds_what_the_documentation_says(words):
    _, made, _ = words
    text = DOCUMENT.read_text(encoding="utf-8")
    told = text.split("\n## What report.json holds\n")[1].split("\n\n")[0]
    layout, *parts = re.findall("`(.*?)`", told)
    assert made["format"] == layout
    teacher, student = made["systems"]
    for system in (teacher, student):
        assert list(system["by_language"]) == list(LANGS)
        assert list(system["by_list"]) == [f"builtin/{lang}" for lang in LANGS]
        assert set(system["by_type"]) == set(TYPES)
        assert set(system["overall"]) == set(made["definitions"])
    # Of a teacher of a few steps there may be nothing to keep.
    assert {*parts} - {"kept"} <= {*made, *student} and len(parts) > 8
    ours, theirs = (s["overall"]["f1"]["value"] for s in (student, teacher))
    if "kept" in made:
        assert made["kept"]["value"] == pytest.approx(ours / theirs)
    assert made["compression"] == teacher["parameters"] / student["parameters"]


def test_figures_are_those_of_the_student_that_is_shipped(words):
    folder, made, _ = words
    student, found = shipped(folder / "student"), made["systems"][1]
    oracle = {}
    with tiny_tagger_run.one_width():
        for lang in LANGS:
            rows = held_back(lang)
            said = [list(tags) for tags in student.tags(rows)]
            gold = [list(s.tags) for s in rows]
            oracle[f"builtin/{lang}"] = f1_score(
                gold, said, mode="strict", scheme=IOB2, zero_division=0
            )
    by_list = {name: one["f1"]["value"] for name, one in found["by_list"].items()}
    assert by_list == pytest.approx(oracle)
    assert max(oracle.values()) > 0 and len(set(oracle.values())) == len(LANGS)
    assert found["digest"] == load_labeller(folder / "student").digest
    assert found["parameters"] == trees.num_elements(student.params)


def test_other_sizes_are_no_part_of_what_the_student_cost(words):
    folder, made, trained = words
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    own = [row for row in rows if row["stage"] in trained[:2]]
    assert trained == ["teacher-tagging", "student-1-labels", "sweep-E4-H4-1-labels"]
    assert {row["stage"] for row in rows} == set(trained)
    minutes = made["run"]["minutes of training"]
    assert minutes == pytest.approx(trained_seconds(own), abs=0.06)
    assert minutes < trained_seconds(rows) - 0.06
    drawn = {line["stage"] for lines in made["curves"].values() for line in lines}
    assert drawn == set(trained[:2])


def test_sizes_are_compared_at_as_many_steps(words):
    _, made, _ = words
    teacher, student = made["systems"]
    [size] = made["sweep"]
    assert (size["name"], size["steps"]) == ("E4 H4", 4)
    assert size["parameters"] < student["parameters"]
    assert size["compression"] == teacher["parameters"] / size["parameters"]
    assert size["dev"]["low"] <= size["dev"]["value"] <= size["dev"]["high"]
    names = [teacher["name"], student["name"], size["name"]]
    assert list(made["latency"]["systems"]) == names
    assert set(made["latency"]["speedup"][teacher["name"]]) == set(names[1:])


def test_the_page_shows_languages_and_figures(words):
    folder, made, _ = words
    text = shown(folder)
    for lang in LANGS:
        values = [s["by_language"][lang]["f1"]["value"] for s in made["systems"]]
        cells = r".*? \[.*?".join(percent(value) for value in values)
        assert re.search(rf" {lang} .*? {cells}", text), lang
    for system in made["systems"]:
        assert percent(system["overall"]["f1"]["value"]) in text
        assert f"{system['parameters']:,}" in text
    assert "E4 H4" in text and made["data"]["name"] in text


def test_a_second_run_trains_nothing_and_gives_equal_figures(words):
    folder, made, _ = words
    again, trained = reported(folder, SMALL)
    assert trained == []
    assert again["latency"]["systems"].keys() == made["latency"]["systems"].keys()
    assert {**again, "latency": {}} == {**made, "latency": {}}


def test_students_of_languages_count_together(apart):
    folder, made, trained = apart
    assert trained == ["student-en-1-labels", "student-hi-1-labels"]
    models = {lang: load_labeller(folder / "students" / lang) for lang in LANGS}
    sizes = [trees.num_elements(model.params) for model in models.values()]
    teacher, student = made["systems"]
    assert student["parameters"] == sum(sizes) > max(sizes)
    assert made["compression"] == teacher["parameters"] / sum(sizes)
    assert student["digest"].split("+") == [m.digest for m in models.values()]
    assert made["sweep"] == [] and "Sizes" not in shown(folder)
    assert made["run"]["strategy"] == "D0"


def test_a_teacher_that_was_given_scores_as_in_the_run_that_trained_it(words, apart):
    one, other = words[1]["systems"][0], apart[1]["systems"][0]
    assert one == other and words[1]["systems"][1] != apart[1]["systems"][1]


def test_whole_sentences_are_told_by_their_accuracy(sentences):
    folder, made = sentences
    assert made["metric"] == "accuracy" and set(made["definitions"]) == {"accuracy"}
    student, found = shipped(folder / "student"), made["systems"][1]
    for lang in LANGS:
        rows = held_back(lang)
        gold = [next((t[2:] for t in s.tags if t != "O"), "none") for s in rows]
        with tiny_tagger_run.one_width():
            said = student.classes(rows)
        right = sum(a == b for a, b in zip(gold, said, strict=True))
        assert found["by_language"][lang]["accuracy"]["value"] == right / len(rows)
    whole = percent(found["overall"]["accuracy"]["value"])
    assert f"Accuracy of the student {whole} %" in " ".join(shown(folder).split())
    card = (folder / "student" / "README.md").read_text()
    assert "pipeline_tag: text-classification" in card


def test_lines_are_labelled_as_wholes(sentences):
    student = shipped(sentences[0] / "student")
    lines = [*(" ".join(s.words) for s in held_back("hi")), "", "Ada lives in Pune."]
    with tiny_tagger_run.one_width():
        found = list(label_lines(student, lines))
        said = student.classes(held_back("hi"))
    assert [line for line, _ in found] == lines
    assert [label for _, label in found[:8]] == said
    assert found[8] == ("", "") and found[9][1] in (*TYPES, "none")
