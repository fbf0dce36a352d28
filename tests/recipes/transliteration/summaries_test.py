"""Tables for a terminal: aligned figures, and under them what they mean."""

from __future__ import annotations

import pytest

from epik_jax.recipes.transliteration import summaries


def figure(value, **more):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, **more}


PLAIN = {
    "n": 2,
    "cer": figure(0.25),
    "top1": figure(0.5),
    "mrr": figure(0.5),
    "sound_class": figure(0.5),
    "strict": figure(0.5),
    "phonetic": figure(0.5),
    "cross_phonetic": figure(0.5, references=0.75),
}
MADE = {
    "system": {"name": "model", "decode": "greedy"},
    "overall": {**PLAIN, "feature_distance": figure(0.125)},
    "by_pair": {"hi>ta": {**PLAIN, "feature_distance": figure(0.125)}, "ta>en": PLAIN},
    "by_source": {"places": PLAIN},
}


def split(text):
    return [part.split("\n") for part in text.split("\n\n")]


def test_a_table_shows_percent_with_intervals_aligned():
    lines, _ = split(summaries.examination_table(MADE))
    assert lines[0].split()[:3] == ["model,", "greedy", "n"]
    assert [line.split()[0] for line in lines[1:]] == [
        *("all", "hi>ta", "ta>en", "places")
    ]
    assert lines[2].split()[1] == "2" and "50.00 [40.00, 60.00]" in lines[2]
    assert len({len(line) for line in lines}) == 1


def test_accepted_spellings_stand_beside_and_what_is_unknown_is_a_dash():
    (_, _, direct, english, _), _ = split(summaries.examination_table(MADE))
    assert "50.00 [40.00, 60.00], refs 75.00" in direct
    assert direct.endswith("12.50 [2.50, 22.50]") and english.endswith("–")


def test_every_column_is_defined_below_in_a_short_line_and_no_other():
    (head, *_), below = split(summaries.examination_table(MADE))
    defined = [line.partition(":")[0] for line in below]
    titles = ["CER", "top-1", "sound class", "strict key", "phonetic key"]
    titles += ["phonetic key of the source", "feature distance"]
    assert defined == [*titles, "[low, high]", "all", "in full"]
    assert all(f"{title} %" in head for title in titles)
    assert max(map(len, below)) <= 100


@pytest.mark.parametrize("timed", [False, True])
def test_a_run_says_what_it_measured_and_what_that_means(timed):
    few = {m: PLAIN[m] for m in ("cer", "top1")}
    systems = [
        {"name": n, "decode": "greedy", "overall": few} for n in ("student", "chain")
    ]
    report = {"data": {"n": 9}, "systems": systems}
    if timed:
        reduced = {"first": "student", "second": "chain"}
        report["timing"] = {"reduction_percent": {"1": 40.04}, "reduced": reduced}
    table, below = split(summaries.closing_table(report))
    assert ("time saved by student against chain" in table[-1]) == timed
    assert any(line.startswith("time saved:") for line in below) == timed
    assert [line.partition(":")[0] for line in below[:2]] == ["CER", "top-1"]
