"""A line of pairs names its columns, or is an object; what is neither is told."""

from __future__ import annotations

import json

import pytest

from epik_jax.data.pair_lines import Columns, cleaned, header_columns, object_parts


def test_names_of_columns_are_known_in_any_case_and_among_spaces():
    assert header_columns("Label\t TEXT_A \ttext_b") == Columns(1, 2, 0)
    assert header_columns("id\tQuestion\tSentence") == Columns(1, 2, None)


def test_a_pair_is_no_header():
    lines = ("who ?\tshe\t1", "question\tenquiry", "label", "", "a\tb\r\r")
    for line in (*lines, "quality\tx\tquality"):
        assert header_columns(line) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("text_a\tlabel", "names of columns, and not of two texts"),
        ("text_a\ttext_b\ttext_a", "'text_a' stands there twice"),
        ("sentence1\tsentence2\tlabel\tLabel", "'label' stands there twice"),
        ("text_a\ttext_b\ra\tb\rc\td", "a carriage return within the line"),
    ],
)
def test_a_first_line_that_names_half_of_it_is_refused(line, said):
    with pytest.raises(ValueError, match=said):
        header_columns(line)


def test_labels_of_an_object_are_written_as_json_writes_them():
    for label, told in ((True, "true"), (1, "1"), ("x", "x"), (None, "")):
        line = json.dumps({"question": "a", "passage": "b", "answer": label})
        assert object_parts(line, labelled=True) == ("a", "b", told)
    bare = '{"question": "a", "passage": "b"}'
    assert object_parts(bare, labelled=True) == ("a", "b", "")


@pytest.mark.parametrize("label", ['"label": ["x"]', '"label": 1, "Label": 2'])
def test_a_label_that_nobody_reads_may_be_anything(label):
    line = f'{{"question": "a", "passage": "b", {label}}}'
    assert object_parts(line, labelled=False) == ("a", "b", "")
    with pytest.raises(ValueError, match="label"):
        object_parts(line, labelled=True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "no JSON object"),
        ('{"a":' * 100_000, "no JSON object"),
        ('{"question": "a"}', "no two texts of known names"),
        ('{"question": "a", "passage": ["b"]}', "passage is no text"),
        ('{"question": NaN, "passage": "b"}', "NaN is no JSON"),
        ('{"question": "a", "passage": "b", "passage": "c"}', "stands there twice"),
        ('{"question": "a", "passage": "b", "label": {}}', "label is no label"),
    ],
)
def test_an_object_that_is_no_pair_is_told(line, said):
    with pytest.raises(ValueError, match=said):
        object_parts(line, labelled=True)


def test_a_text_is_in_nfc_and_of_whole_characters():
    assert cleaned(" e\u0301 ") == "\xe9"
    with pytest.raises(ValueError, match="half a character"):
        cleaned("a\ud800")
