"""Pairs of texts are read as published sets write them, and bad lines are told."""

from __future__ import annotations

import gzip
import json

import pytest

from epik_jax.data.text_pairs import read_text_pairs

YES_NO = ("0", "1")
NLI = ("entailment", "neutral", "contradiction")


def written(tmp_path, text, name="pairs.tsv"):
    path = tmp_path / name
    path.write_bytes(
        gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    )
    return path


def triples(pairs):
    return [(pair.text_a, pair.text_b, pair.label) for pair in pairs]


def test_without_a_header_columns_are_text_text_label(tmp_path):
    path = written(tmp_path, "who ?\tshe\t1\nwho ?\the\t0\n", "a.tsv.gz")
    pairs, report = read_text_pairs(path, YES_NO)
    assert triples(pairs) == [("who ?", "she", "1"), ("who ?", "he", "0")]
    assert (report.read, report.kept) == (2, 2)
    assert {pair.origin for pair in pairs} == {"a.tsv.gz"}


@pytest.mark.parametrize(
    ("header", "line", "expected"),
    [
        (
            "index\tsentence1\tsentence2\tlabel",
            "0\ta\tb\tneutral",
            ("a", "b", "neutral"),
        ),
        ("index\tquestion\tsentence\tlabel", "0\ta\tb\tneutral", ("a", "b", "neutral")),
        (
            "index\tsentence1_parse\tsentence1\tsentence2\tlabel1\tgold_label",
            "0\t( a )\ta\tb\tneutral\tentailment",
            ("a", "b", "entailment"),
        ),
        (
            "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment",
            "1\ta\tb\t4.5\tcontradiction",
            ("a", "b", "contradiction"),
        ),
        (
            "QuestionID\tQuestion\tDocumentID\tDocumentTitle\tSentenceID\tSentence\tLabel",
            "Q1\ta\tD1\tTitle\tD1-0\tb\tneutral",
            ("a", "b", "neutral"),
        ),
        (
            "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String",
            "neutral\t1\t2\ta\tb",
            ("a", "b", "neutral"),
        ),
    ],
)
def test_a_header_says_where_the_columns_stand(tmp_path, header, line, expected):
    pairs, report = read_text_pairs(written(tmp_path, f"{header}\n{line}\n"), NLI)
    assert triples(pairs) == [expected]
    assert report.dropped == {"header": 1}


def test_json_lines_are_read_by_name_and_true_is_a_label(tmp_path):
    rows = [
        {"question": "is it", "passage": "it is", "answer": True},
        {"question": "is it", "passage": "it is not", "answer": False},
    ]
    path = written(tmp_path, "".join(json.dumps(r) + "\n" for r in rows), "b.jsonl")
    pairs, _ = read_text_pairs(path, ("false", "true"))
    assert triples(pairs) == [
        ("is it", "it is", "true"),
        ("is it", "it is not", "false"),
    ]


def test_pairs_without_wanted_labels_have_none(tmp_path):
    path = written(tmp_path, "a\tb\nc\td\t1\n")
    pairs, _ = read_text_pairs(path, ())
    assert triples(pairs) == [("a", "b", ""), ("c", "d", "")]


def test_what_annotators_did_not_agree_on_is_left_out_and_counted(tmp_path):
    path = written(tmp_path, "a\tb\t-\nc\td\tneutral\n")
    pairs, report = read_text_pairs(path, NLI)
    assert len(pairs) == 1 and report.dropped == {"no label agreed on": 1}


def test_equal_pairs_have_names_of_their_own_and_others_keep_theirs(tmp_path):
    twice, _ = read_text_pairs(written(tmp_path, "a\tb\t0\na\tb\t1\nc\td\t0\n"), YES_NO)
    turned, _ = read_text_pairs(written(tmp_path, "c\td\t0\na\tb\t0\n"), YES_NO)
    assert len({pair.example_id for pair in twice}) == 3
    assert turned[0].example_id == twice[2].example_id
    assert turned[1].example_id == twice[0].example_id
    apart, _ = read_text_pairs(written(tmp_path, "ab\tc\t0\na\tbc\t0\n"), YES_NO)
    assert apart[0].example_id != apart[1].example_id


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("only one text\n", "1 columns, 3 or more are needed"),
        ("a\tb\tmaybe\n", "label is none of"),
        ("a\t \t1\n", "a text is empty"),
    ],
)
def test_a_bad_line_is_told_with_its_place(tmp_path, line, cause):
    path = written(tmp_path, "a\tb\t1\n" + line)
    with pytest.raises(ValueError, match=cause) as caught:
        read_text_pairs(path, YES_NO)
    assert f"{path}:2: " in str(caught.value)
    pairs, report = read_text_pairs(path, YES_NO, max_bad_share=0.5)
    assert len(pairs) == 1 and report.bad == 1


@pytest.mark.parametrize(
    ("line", "cause"),
    [("[1]", "no JSON object"), ("{", "no JSON object"), ('{"a": 1}', "known names")],
)
def test_a_bad_object_is_told_with_its_place(tmp_path, line, cause):
    path = written(tmp_path, line + "\n", "x.jsonl")
    with pytest.raises(ValueError, match=cause):
        read_text_pairs(path, YES_NO)


def test_a_header_without_labels_and_a_file_without_pairs_are_refused(tmp_path):
    with pytest.raises(ValueError, match=":1: no column of labels"):
        read_text_pairs(written(tmp_path, "sentence1\tsentence2\na\tb\n"), NLI)
    with pytest.raises(ValueError, match="no pair of texts"):
        read_text_pairs(written(tmp_path, "\n"), NLI)


def test_a_header_may_follow_upon_empty_lines(tmp_path):
    path = written(tmp_path, "\n\nindex\ttext_a\ttext_b\tlabel\n7\ta\tb\t1\n")
    pairs, report = read_text_pairs(path, YES_NO)
    assert triples(pairs) == [("a", "b", "1")]
    assert report.dropped == {"empty": 2, "header": 1}


def test_a_first_line_that_names_half_of_it_is_told_with_its_place(tmp_path):
    path = written(tmp_path, "\ntext_a\tlabel\na\t1\n")
    with pytest.raises(ValueError, match=r"pairs.tsv:2: names of columns, and not"):
        read_text_pairs(path, YES_NO)


def test_half_a_character_of_an_object_is_told_with_its_line(tmp_path):
    lines = [r'{"question": "a", "passage": "\ud800", "label": "1"}']
    path = written(tmp_path, "\n".join(lines), "a.jsonl")
    with pytest.raises(ValueError, match=r"a.jsonl:1: a text holds half a character"):
        read_text_pairs(path, YES_NO)
