"""Figures for a card are those of the files, by the words that they were taken on."""

from __future__ import annotations

import dataclasses
import functools
import json

import pytest
import tiny

from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder, load_model
from epik_jax.recipes import measured as figures
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import CharacterVocabulary

VOCABULARY = CharacterVocabulary.from_languages(LANGUAGES)
MODEL = ModelFolder(tiny.params(), tiny.CONFIG, VOCABULARY, {"recipe": "epik"})
measured = functools.partial(figures.measured, model=MODEL)


def figure(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


FIGURES = {"cer": figure(0.2), "top1": figure(0.5), "strict": figure(0.6)}
EXAMINED = {
    "format": "epik-evaluation-1",
    "system": {"name": "model", "decode": "beam-4", "digest": MODEL.digest},
    "data": {"path": "words/hi.test.tsv.gz"},
    "by_pair": {"hi>en": {"n": 7, **FIGURES}, "en>hi": {"n": 9, **FIGURES}},
}
REPORTED = {
    "format": "epik-report-1",
    "data": {"name": "direct names", "n": 12},
    "systems": [
        {
            "name": "student",
            "decode": "greedy",
            "overall": FIGURES,
            "pairs": {"hi>ta": {}, "ta>hi": {}},
        },
        {"name": "table icu", "decode": "rules", "overall": {}, "pairs": {}},
    ],
}


def written(tmp_path, made):
    path = tmp_path / "made.json"
    path.write_text(json.dumps(made))
    return path


def test_an_examination_gives_a_row_for_each_pair(tmp_path):
    rows = measured(written(tmp_path, EXAMINED))
    assert [(row["words"], row["n"]) for row in rows] == [
        ("words/hi.test.tsv.gz, hi>en, beam-4", 7),
        ("words/hi.test.tsv.gz, en>hi, beam-4", 9),
    ]
    assert rows[0]["top1"] == figure(0.5) and set(rows[0]) == {
        "words",
        "n",
        "cer",
        "top1",
    }


def test_a_part_is_named(tmp_path):
    data = {**EXAMINED["data"], "part": "report"}
    rows = measured(written(tmp_path, {**EXAMINED, "data": data}))
    assert rows[0]["words"].startswith("words/hi.test.tsv.gz (report), ")


def test_a_report_gives_the_figures_of_its_first_system(tmp_path):
    assert measured(written(tmp_path, REPORTED)) == [
        {
            "words": "direct names, mean over 2 language pairs, greedy",
            "n": 12,
            "cer": figure(0.2),
            "top1": figure(0.5),
        }
    ]


def changed(made, **system):
    if "system" in made:
        return {**made, "system": {**made["system"], **system}}
    first, *others = made["systems"]
    return {**made, "systems": [{**first, **system}, *others]}


@pytest.mark.parametrize("made", [EXAMINED, REPORTED])
@pytest.mark.parametrize("name", ["chain", "table builtin"])
def test_figures_of_another_system_are_refused(tmp_path, made, name):
    path = written(tmp_path, changed(made, name=name))
    with pytest.raises(ValueError, match=rf"made\.json has figures of '{name}', not"):
        measured(path)


@pytest.mark.parametrize("made", [EXAMINED, REPORTED])
def test_figures_of_another_model_are_refused(tmp_path, made):
    path = written(tmp_path, changed(made, digest="0" * 64))
    message = (
        f"another model: of digest 000000000000, this one's is {MODEL.digest[:12]}"
    )
    with pytest.raises(ValueError, match=message):
        measured(path)


def test_a_report_on_a_student_has_no_figures_of_the_teacher(tmp_path):
    teacher = dataclasses.replace(MODEL, about={"recipe": "matra"})
    with pytest.raises(ValueError, match="has figures of 'student', not"):
        measured(written(tmp_path, REPORTED), model=teacher)


@pytest.mark.parametrize("made", [EXAMINED, REPORTED])
def test_figures_taken_on_what_bfloat16_made_of_the_model_are_its_own(tmp_path, made):
    export_model(MODEL, tmp_path / "small", bfloat16=True, card="")
    small = load_model(tmp_path / "small").digest
    assert small != MODEL.digest
    assert measured(written(tmp_path, changed(made, digest=small)))


@pytest.mark.parametrize("made", [{}, [], {"format": "other"}])
def test_a_file_without_figures_is_refused(tmp_path, made):
    with pytest.raises(ValueError, match=r"made\.json has format"):
        measured(written(tmp_path, made))


@pytest.mark.parametrize(
    "made",
    [
        {"format": EXAMINED["format"]},
        {**EXAMINED, "by_pair": {"hi>en": 7}},
        {**EXAMINED, "data": []},
        {"format": REPORTED["format"], "systems": []},
    ],
)
def test_a_file_that_is_not_whole_is_named(tmp_path, made):
    with pytest.raises(ValueError, match=r"made\.json is not whole: .*; measure again"):
        measured(written(tmp_path, made))


def test_a_file_that_is_not_json_is_named(tmp_path):
    path = tmp_path / "made.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"made\.json is not JSON"):
        measured(path)
