"""Pairs are scored as they come, ranked by question, and bad lines are told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from toy_pairs import CONFIGS, PAIRS, network

from epik_jax.recipes.scoring.ranker import ranked, score_lines

ASKED = network(CONFIGS[1])
LINES = [f"{pair.text_a}\t{pair.text_b}" for pair in PAIRS]


def test_lines_are_scored_in_order_by_the_class_that_answers():
    found = list(score_lines(ASKED, LINES, "yes"))
    probs = ASKED.probs(PAIRS)
    np.testing.assert_allclose([one.score for one in found], probs[:, 1], atol=1e-5)
    assert [one.label for one in found] == ASKED.classes(PAIRS)
    best = [one.score for one in score_lines(ASKED, LINES, "")]
    np.testing.assert_allclose(best, probs.max(axis=1), atol=1e-5)


def test_columns_and_objects_of_known_names_are_the_same_pairs():
    objects = [json.dumps({"question": p.text_a, "passage": p.text_b}) for p in PAIRS]
    plain, named = (list(score_lines(ASKED, x, "yes")) for x in (LINES, objects))
    assert plain == named
    assert json.loads(json.dumps(plain[0].to_json()))["text_b"] == PAIRS[0].text_b
    assert plain[0].to_columns().split("\t")[2:] == [PAIRS[0].text_a, PAIRS[0].text_b]


def test_a_first_line_of_names_says_where_the_texts_stand():
    head = "index\tquestion\tsentence\tlabel"
    rows = [f"{n}\t{line}\t1" for n, line in enumerate(LINES)]
    named = list(score_lines(ASKED, [head, *rows], "yes"))
    assert named == list(score_lines(ASKED, LINES, "yes"))
    with pytest.raises(ValueError, match="line 2: no two texts"):
        list(score_lines(ASKED, [head, "1"], "yes"))


def test_passages_of_a_question_stand_together_and_the_likeliest_first():
    lines = [f"{q}\t{p}" for p in "abcd" for q in ("d e ?", "h h")]
    found = list(ranked(score_lines(ASKED, lines, "yes")))
    assert [one.text_a for one in found] == ["d e ?"] * 4 + ["h h"] * 4
    for some in (found[:4], found[4:]):
        scores = [one.score for one in some]
        assert scores == sorted(scores, reverse=True) and len(set(scores)) > 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("one text", "no two texts with a tab between: 'one text'"),
        ("a\t ", "no two texts with a tab between"),
        ("a\ud800\tb", "a text holds half a character"),
        ('{"question": "a", "passage": "b"}', "no two texts with a tab between"),
    ],
)
def test_a_bad_line_is_told_with_its_place(line, said):
    with pytest.raises(ValueError, match=f"^line 2: {said}"):
        list(score_lines(ASKED, ["a\tb", line], "yes"))
    with pytest.raises(ValueError, match=f"^x.tsv:2: {said}"):
        list(score_lines(ASKED, ["a\tb", line], "yes", "x.tsv"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": 1}', "no two texts of known names"),
        ("{", "no JSON object"),
        ("a\tb", "no JSON object"),
        ('{"question": null, "passage": "b"}', "question is no text"),
    ],
)
def test_a_bad_object_is_told_with_its_place(line, said):
    whole = '{"question": "a", "passage": "b"}'
    with pytest.raises(ValueError, match=f"^line 2: {said}"):
        list(score_lines(ASKED, [whole, line], "yes"))


def test_a_text_among_columns_may_begin_as_an_object_does():
    for lines in ([LINES[0], "{d}\te"], ["{d}\te"]):
        *_, one = score_lines(ASKED, lines, "yes")
        assert (one.text_a, one.text_b) == ("{d}", "e")


def test_a_byte_order_mark_before_the_first_line_is_no_part_of_it():
    for line in ("d\te", '{"question": "d", "passage": "e"}'):
        (one,) = score_lines(ASKED, ["\ufeff" + line], "yes")
        assert (one.text_a, one.text_b) == ("d", "e")


@pytest.mark.parametrize("lines", [[], [" "], ["text_a\ttext_b"]])
def test_no_pair_at_all_is_told(lines):
    with pytest.raises(ValueError, match=r"^x: no pair of texts in it"):
        list(score_lines(ASKED, lines, "yes", "x"))


def test_columns_of_an_answer_stand_on_one_line_whatever_its_texts_hold():
    line = json.dumps({"question": "d\te\n?", "passage": "h\u2028h"})
    (one,) = score_lines(ASKED, [line], "yes")
    assert one.to_columns().split("\t")[2:] == ["d e ?", "h h"]
    assert "\n" not in one.to_columns() and one.text_a == "d\te\n?"


def test_empty_lines_are_left_out():
    assert len(list(score_lines(ASKED, ["", LINES[0], " ", LINES[1]], "yes"))) == 2
