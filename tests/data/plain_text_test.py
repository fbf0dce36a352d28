"""Sentences without tags are read a line each, and every line is accounted for."""

from __future__ import annotations

import gzip

import pytest

from epik_jax.data.plain_text import read_plain_text


def written(folder, text, name="en.txt"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder, text, **kwargs):
    return read_plain_text(written(folder, text), "en", **kwargs)


def test_a_line_is_a_sentence_whose_signs_stand_alone(tmp_path):
    [first, second], report = read(tmp_path, "Ada slept, well.\nपुणे में बारिश।\n")
    assert first.words == ("Ada", "slept", ",", "well", ".")
    assert second.words == ("पुणे", "में", "बारिश", "।")
    assert (first.lang, first.tags, first.origin) == ("en", (), "en.txt")
    assert (report.read, report.kept) == (2, 2)


def test_every_line_is_kept_dropped_or_bad(tmp_path):
    text = b"one\n\n  \none\nCaf\xc3\xa9\nCafe\xcc\x81\n one \n\xff\ntwo\r\n"
    sentences, report = read(tmp_path, text, max_bad_share=0.5)
    assert [s.words for s in sentences] == [("one",), ("Café",), ("two",)]
    assert report.dropped == {"empty": 2, "duplicate": 3}
    assert report.causes == {"bad UTF-8": 1}
    assert report.read == 9 == report.kept + report.bad + 5


def test_a_sentence_keeps_its_name_wherever_it_stands(tmp_path):
    [first, second], _ = read(tmp_path, "one\ntwo\n")
    [again, _, before], _ = read(tmp_path, "two\nthree\none\n")
    assert (again.example_id, before.example_id) == (
        second.example_id,
        first.example_id,
    )
    [other], _ = read_plain_text(written(tmp_path, "one"), "hi")
    assert other.example_id != first.example_id


def test_a_packed_file_reads_like_a_plain_one(tmp_path):
    packed = written(tmp_path, gzip.compress(b"one\ntwo\n"), "en.txt.gz")
    found = [s.words for s in read_plain_text(packed, "en")[0]]
    assert found == [s.words for s in read(tmp_path, "one\ntwo\n")[0]]


def test_too_many_bad_lines_stop_with_the_first_of_them(tmp_path):
    with pytest.raises(ValueError, match=r"en\.txt:2: bad UTF-8"):
        read(tmp_path, b"one\n\xff\n")


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_a_sentence_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match="no sentence in it"):
        read(tmp_path, text)
