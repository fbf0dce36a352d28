import re

import numpy as np
import pytest
from outlines import outline

from epik_jax.evaluation import fidelity, metrics, page, timing
from epik_jax.evaluation import report as reports
from epik_jax.evaluation.findings import AttentionMap, Findings, System
from epik_jax.structs import Example, Hypothesis

EVIL = '<script>alert("x")</script>&'


def predictions(texts):
    rows = []
    for i, text in enumerate(texts):
        example = Example(f"{i}", EVIL, "hi", "bn", ("কলকাতা", EVIL), pivot=EVIL)
        rows.append((example, (Hypothesis(text, 0.0),) if text else ()))
    return rows


def full_report():
    systems = [
        System(f"student {EVIL}", "student", predictions(["কলকাতা", EVIL, "ক", "খ"])),
        System(
            f"chain {EVIL}",
            "chain",
            predictions(["ক", "কলকাতা", "কলকাতা", ""]),
            pivots={"0": EVIL},
            note=EVIL,
        ),
        System("rules", "rules", predictions(["ক", "ক", "ক", "ক"])),
        System(f"bound {EVIL}", "oracle", predictions(["কলকাতা"] * 4)),
    ]
    row = (timing.BatchTiming(1, 48, 9, 4.0, 4.0, 5.0, 250.0),)
    times = timing.Timings(EVIL, 64, 3, {s.name: row for s in systems})
    states = np.random.default_rng(0).normal(size=(8, 4))
    alike = fidelity.pooled_similarity(states, states, list("abcdefgh"), ["hi"] * 8)
    log = [
        {"stage": f"{EVIL}{stage}", "step": step, "loss": 1 / step, EVIL: 2.0 * step}
        for stage in range(7)
        for step in range(1, 4)
    ]
    attention = AttentionMap("hi", "bn", ("क", "ि"), (EVIL,), np.array([[0.7, 0.3]]))
    return reports.build_report(
        f"title {EVIL}",
        systems,
        run={f"Commit {EVIL}": EVIL},
        data={"name": "words", "note": EVIL},
        code="abc",
        keys={},
        key_definitions={},
        num_resamples=20,
        findings=Findings(
            similarities={EVIL: alike},
            agreements={EVIL: metrics.word_scores(predictions(["কলকাতা", "ক", "খ"]))},
            timings=times,
            log_rows=log,
            attention=[attention],
        ),
    )


def test_no_text_of_a_report_becomes_markup():
    found = outline(page.render(full_report()))
    assert "script" not in found.tags
    assert EVIL in "".join(found.text)


def test_page_fetches_nothing():
    text = page.render(full_report())
    found = outline(text)
    assert not {"link", "img", "iframe", "object"} & set(found.tags)
    assert not {"src", "href", "srcset"} & {name for name, _ in found.attributes}
    assert not re.search(r"url\(|@import|https?://", text)


def test_words_carry_their_language_and_stay_text():
    page_text = page.render(full_report())
    found = outline(page_text)
    assert '<td class="word" lang="hi">' in page_text
    assert '<td class="word several" lang="bn">' in page_text
    assert '<span class="w" lang="bn">' in page_text
    languages = {value for name, value in found.attributes if name == "lang"}
    assert languages == {"en", "hi", "bn"}
    assert "কলকাতা" in "".join(found.text)
    assert "◌ि" in "".join(found.text)  # A lone vowel sign gets something to sit on.


def test_figures_of_the_report_stand_on_the_page():
    report = full_report()
    text = " ".join(outline(page.render(report)).text)
    top1 = report["systems"][0]["overall"]["top1"]["value"]
    assert f"{100 * top1:.1f} %" in text
    for line in report["systems"][0]["signatures"].values():
        assert line in text
    for metric in report["systems"][0]["overall"]:
        assert report["definitions"][metric] in text


def test_every_system_but_the_chain_says_what_time_it_saves():
    report = full_report()
    subject, chain, rules, bound = (s["name"] for s in report["systems"])
    systems = report["timing"]["systems"]
    for name, mean_ms in ((subject, 4.0), (chain, 10.0), (rules, 2.5), (bound, 12.0)):
        systems[name][0]["mean_ms"] = mean_ms
    [table] = re.findall(
        r"<table>(?:(?!<table>).)*Time saved.*?</table>", page.render(report)
    )
    saved = [row.rsplit('class="num">', 1)[1] for row in table.split("</td></tr>")[:-1]]
    assert saved == ["+60.0", "", "+75.0", "−20.0"]


def test_the_subject_stands_first_among_sample_words():
    report = full_report()
    heads = re.findall(r"<th>(.*?)</th>", page.render(report).split("Sample words")[1])
    names = [s["name"].split(" ")[0] for s in report["systems"]]
    assert [head.split(" ")[0] for head in heads][4:8] == names


def test_the_page_says_that_whole_names_are_drawn():
    text = " ".join(outline(page.render(full_report())).text)
    assert "20 resamples of whole names, each with all language pairs" in text
    assert "inside each pair" not in text


def test_what_references_reach_stands_on_the_page():
    report = full_report()
    for system in report["systems"]:
        figure = {"value": 0.625, "low": 0.5, "high": 0.75, "references": 0.875}
        system["overall"]["cross_phonetic"] = figure
        system["signatures"]["cross_phonetic"] = "signed"
    report["definitions"]["cross_phonetic"] = "as in the source"
    text = " ".join(outline(page.render(report)).text)
    assert "Phonetic key of the source %" in text and "as in the source" in text
    assert "62.5" in text and "accepted: 87.5" in text


def test_sources_stand_on_the_page_where_there_are_several():
    report = full_report()
    assert "told apart" not in " ".join(outline(page.render(report)).text)
    for system in report["systems"]:
        system["sources"] = {
            EVIL: {"n": 3, "cer": 0.125, "top1": 0.75, "apart": False},
            "coined": {"n": 9, "cer": 0.5, "top1": 0.25, "apart": True},
        }
    text = " ".join(outline(page.render(report)).text)
    assert text.index("coined") < text.index("12.5 / 75.0")
    assert "50.0 / 25.0" in text and "told apart" in text


def test_gap_and_unseen_words_stand_beside_the_chain():
    report = full_report()
    report["against_chain"]["gap"]["closed"] = {
        "top1": {"value": 0.5, "low": 0.4, "high": 0.62}
    }
    text = " ".join(outline(page.render(report)).text)
    assert "50.0 % [40.0, 62.0] in top-1" in text
    assert "33.3" in text and "Test list" in text
    report["against_chain"] |= {"gap": None, "unseen": {}}
    text = " ".join(outline(page.render(report)).text)
    assert "Of the gap" not in text and "Test list" not in text


def test_times_say_how_many_words_they_were_taken_on():
    report = full_report()
    row = "<td>rules</td>" + "".join(
        f'<td class="num">{cell}</td>' for cell in ("1", "{}", "4.00")
    )
    assert row.format("48") in page.render(report)
    for entries in report["timing"]["systems"].values():
        del entries[0]["num_words"]  # As in reports that were written earlier.
    assert row.format("–") in page.render(report)


def test_a_row_of_the_chain_s_english_is_explained_and_only_then():
    report = full_report()
    for name in (fidelity.CHAIN_ENGLISH, "pooled"):
        report["similarities"] = {name: next(iter(report["similarities"].values()))}
        text = "".join(outline(page.render(report)).text)
        told = "Pooled, chain's English: In the student's place" in text
        assert told == (name == fidelity.CHAIN_ENGLISH)


def test_page_of_one_system_has_no_empty_sections():
    report = reports.build_report(
        "t",
        [System("s", "teacher", predictions(["ক", "কলকাতা"]))],
        run={},
        data={"name": "d"},
        code="abc",
        num_resamples=20,
    )
    text = "".join(outline(page.render(report)).text)
    for heading in ("Time", "Attention", "Learning curves", "Encoder similarity"):
        assert heading not in text
    assert "Language pairs" in text


def test_report_of_another_layout_is_refused():
    with pytest.raises(ValueError, match="epik-report-0"):
        page.render({"format": "epik-report-0"})


def test_page_says_that_it_is_utf8():
    text = page.render(full_report())
    assert text.startswith("<!doctype html>")
    assert '<meta charset="utf-8"/>' in text
