"""The page of a tagging report: all of its text stays text, all of its figures show."""

from __future__ import annotations

import re

import pytest
from outlines import outline

from epik_jax.evaluation import entity_page

EVIL = '<script>alert("x")</script>&'


def rows(report, name):
    """Cells of the page's rows that begin with a name."""
    return [r[1:] for r in outline(entity_page.render(report)).rows if r[0] == name]


def figure(value):
    return {"value": value, "low": value - 0.015, "high": value + 0.015}


def counted(n, value):
    return {"n": n, "entities": n + 1, "f1": figure(value)}


def system(name, parameters, value):
    return {
        "name": name,
        "parameters": parameters,
        "overall": {"f1": figure(value), "precision": figure(value + 0.1)},
        "sd": 0.0625,
        "by_language": {"hi": counted(1200, value), EVIL: counted(7, value / 2)},
        "by_list": {f"wiki/{EVIL}": counted(9, value - 0.05)},
        "by_type": {"PER": {"f1": figure(value)}, EVIL: {}},
    }


def took(mean):
    return {"32": {"mean_ms": mean, "p50_ms": 2.25, "p95_ms": 9.5}}


def full_report():
    teacher, student, size = f"teacher {EVIL}", f"student {EVIL}", f"E4 {EVIL}"
    return {
        "format": entity_page.FORMAT,
        "title": f"title {EVIL}",
        "run": {f"seed {EVIL}": EVIL},
        "data": {"name": f"lists {EVIL}", "n": 1207},
        "metric": "f1",
        "mode": f"strict {EVIL}",
        "systems": [system(teacher, 64000, 0.8), system(student, 2000, 0.6)],
        "kept": figure(0.75),
        "kept_by_language": {"hi": figure(0.77)},
        "compression": 32.0,
        "latency": {
            "device": f"device {EVIL}",
            "length": 30,
            "runs": 99,
            "matmul_dtype": "float32",
            "systems": {teacher: took(48.0), student: took(3.0), size: took(1.5)},
            "speedup": {teacher: {student: {"32": 16.0}, size: {"32": 30.5}}},
        },
        "sweep": [
            {
                "name": size,
                "parameters": 1000,
                "compression": 64.0,
                "steps": 6000,
                "dev": figure(0.55),
            }
        ],
        "samples": [
            {
                "list": f"wiki/{EVIL}",
                "lang": "hi",
                "words": ["Ada", "Byron", "saw", EVIL],
                "gold": ["B-PER", "I-PER", "O", "B-LOC"],
                "answers": {
                    teacher: ["B-PER", "B-PER", "O", "O"],
                    student: ["O", "O", "O", f"B-{EVIL}"],
                },
            }
        ],
        "curves": {
            EVIL: [{"stage": EVIL, "steps": [1, 2], "values": [3.0, 4.0]}],
        },
        "definitions": {"f1": f"meaning {EVIL}", "precision": "share of the written"},
    }


def test_no_text_of_a_report_becomes_markup():
    found = outline(entity_page.render(full_report()))
    assert "script" not in found.tags
    text = " ".join(found.text)
    parts = ("title", "seed", "lists", "strict", "teacher", "student", "device", "E4")
    for part in (*parts, "wiki/", "meaning"):
        assert re.search(rf"{part} ?{re.escape(EVIL)}", text), part


def test_a_language_is_shown_with_both_systems_and_what_is_kept():
    [hindi] = rows(full_report(), "hi")
    assert hindi == [
        *("1,200", "1,201", "80.0[78.5, 81.5]", "60.0[58.5, 61.5]"),
        "77.0[75.5, 78.5]",
    ]
    [mean] = rows(full_report(), "mean")
    assert mean[-3:] == ["80.0[78.5, 81.5]", "60.0[58.5, 61.5]", "75.0[73.5, 76.5]"]
    [spread] = rows(full_report(), "standard deviation")
    assert spread[-3:] == ["6.2", "6.2", ""]
    [one] = rows(full_report(), f"wiki/{EVIL}")[:1]
    assert one == ["9", "10", "75.0[73.5, 76.5]", "55.0[53.5, 56.5]"]


@pytest.mark.parametrize(
    ("signals", "told"),
    [
        ({}, []),
        ({"storage": "float32"}, ["float32"]),
        ({"storage": "int8", "rounding_error": 0.0125}, ["int8, 1.2 % off"]),
    ],
)
def test_how_states_were_kept_is_told_where_any_were(signals, told):
    text = outline(entity_page.render({**full_report(), "signals": signals})).text
    places = [i for i, word in enumerate(text) if word == "states of the teacher"]
    assert [text[i + 1] for i in places] == told


def test_a_dash_stands_where_there_is_no_figure():
    [unkept] = rows(full_report(), EVIL)[:1]
    assert unkept[2:] == ["40.0[38.5, 41.5]", "30.0[28.5, 31.5]", "–"]
    teacher, student = (s["name"] for s in full_report()["systems"])
    assert rows(full_report(), "PER") == [
        [teacher, "80.0[78.5, 81.5]", "–"],
        [student, "60.0[58.5, 61.5]", "–"],
    ]
    report = full_report()
    del report["kept"]
    [mean] = rows(report, "mean")
    assert mean[-1] == "–"
    kept = "75.0 %"
    assert kept in " ".join(outline(entity_page.render(full_report())).text)
    assert kept not in " ".join(outline(entity_page.render(report)).text)


def test_a_type_that_the_student_never_wrote_has_dashes():
    report = full_report()
    del report["systems"][1]["by_type"]["PER"]
    student = report["systems"][1]["name"]
    assert rows(report, "PER")[1] == [student, "–", "–"]


def test_a_language_without_entities_is_left_out():
    report = full_report()
    for one in report["systems"]:
        one["by_language"]["ta"] = {"n": 5, "entities": 0}
    assert rows(report, "ta") == []


def test_the_headline_holds_score_size_and_speed():
    text = " ".join(outline(entity_page.render(full_report())).text)
    assert "F1 of the student 60.0 %" in text and "teacher 80.0 %" in text
    assert "32.0× fewer" in text and "2,000 of 64,000" in text
    assert "16.0× lower" in text and "a pass at batch size 32" in text


def test_times_of_all_systems_are_shown_and_how_much_faster_each_student_is():
    report = full_report()
    teacher, student = (s["name"] for s in report["systems"])
    assert ["32", "48.00", "2.25", "9.50", "–"] in rows(report, teacher)
    assert ["32", "3.00", "2.25", "9.50", "16.0"] in rows(report, student)
    text = " ".join(outline(entity_page.render(report)).text)
    assert "full batches of 30 pieces" in text and "99 each" in text


def test_a_size_is_shown_with_what_it_costs_and_keeps():
    report = full_report()
    size = report["sweep"][0]["name"]
    shown = ["6,000", "1,000", "64.0", "30.5", "55.0[53.5, 56.5]"]
    assert shown in rows(report, size)
    del report["sweep"][0]["dev"]
    assert shown not in rows(report, size)
    assert "Sizes" not in outline(entity_page.render(report)).text


def test_words_of_entities_are_marked_with_the_type_behind_the_last():
    page = entity_page.render(full_report())
    ada, byron = (f'<span class="w entity">{w}</span>' for w in ("Ada", "Byron"))
    kind = '<small class="type">PER</small>'
    assert page.count(f"</small>{ada} {byron}{kind} saw <span") == 1  # People's.
    assert page.count(f"</small>{ada}{kind} {byron}{kind} saw &lt;") == 1
    assert page.count("</small>Ada Byron saw <span") == 1
    assert page.count('<div lang="hi">') == 3


def test_a_whole_sentence_is_shown_with_its_label():
    report = full_report()
    [sample] = report["samples"]
    sample["gold"] = ["LOC"]
    sample["answers"] = {name: ["none"] for name in sample["answers"]}
    page = entity_page.render(report)
    assert "entity" not in page.split("Sentences</h2>")[1].split("</table>")[0]
    assert page.count('<small class="type">LOC</small>') == 1
    assert page.count('<small class="type">none</small>') == 2
    assert page.count("Ada Byron saw ") == 3


def test_a_report_of_another_layout_is_refused():
    with pytest.raises(ValueError, match="epik-tagging-report-1"):
        entity_page.render({"format": "epik-tagging-report-1"})
