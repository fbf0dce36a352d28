"""Figures for a card are those of the files, by the words that they were taken on."""

from __future__ import annotations

import json

import pytest

from epik_jax.recipes.measured import measured


def figure(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


FIGURES = {"cer": figure(0.2), "top1": figure(0.5), "strict": figure(0.6)}
EXAMINED = {
    "format": "epik-evaluation-1",
    "system": {"name": "model", "decode": "beam-4"},
    "data": {"path": "/far/away/words/hi.test.tsv.gz"},
    "by_pair": {"hi>en": {"n": 7, **FIGURES}, "en>hi": {"n": 9, **FIGURES}},
}
REPORTED = {
    "format": "epik-report-1",
    "data": {"name": "direct names", "n": 12},
    "systems": [
        {"decode": "greedy", "overall": FIGURES, "pairs": {"hi>ta": {}, "ta>hi": {}}},
        {"decode": "rules", "overall": {}, "pairs": {}},
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


@pytest.mark.parametrize("made", [{}, [], {"format": "other"}])
def test_a_file_without_figures_is_refused(tmp_path, made):
    with pytest.raises(ValueError, match=r"made\.json has format"):
        measured(written(tmp_path, made))


def test_a_file_that_is_not_json_is_named(tmp_path):
    path = tmp_path / "made.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"made\.json is not JSON"):
        measured(path)
