"""Claims about lines and the account kept of them."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.data.rows import RowReport, read_lines, split_lines

UNHURRIED = settings(deadline=None)  # other work may share the machine


@UNHURRIED
@given(st.text(alphabet="aक\u2028\u0085\x0b\x0c\x1e\r\n\t", max_size=40))
def test_only_line_feeds_end_lines(text: str) -> None:
    report = RowReport("f")
    lines = list(split_lines(text.encode(), report))
    # newline="\n" makes Python's own reader end lines at line feeds alone.
    oracle = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline="\n")
    wanted = [line.removesuffix("\n").removesuffix("\r") for line in oracle]
    assert lines == list(enumerate(wanted, 1))
    assert report.read == len(wanted)


def test_a_byte_order_mark_counts_only_at_the_start() -> None:
    lines = dict(split_lines("\ufeffa\n\ufeffb\n".encode(), RowReport("f")))
    assert lines == {1: "a", 2: "\ufeffb"}


def test_a_line_that_is_not_utf8_is_refused_by_number_and_the_rest_is_read() -> None:
    report = RowReport("f.tsv")
    lines = list(split_lines(b"a\n\xff\xfe\nc", report))
    assert lines == [(1, "a"), (3, "c")]
    assert report.causes == {"bad UTF-8": 1}
    assert report.firsts == ["f.tsv:2: bad UTF-8: 'byte 0 of the line'"]


@pytest.mark.parametrize("name", ["words.tsv", "words.tsv.gz"])
def test_packed_and_plain_files_read_alike(tmp_path: Path, name: str) -> None:
    content = "अंक\tank\n".encode()
    packed = gzip.compress(content) if name.endswith(".gz") else content
    (tmp_path / name).write_bytes(packed)
    report = RowReport(name)
    assert list(read_lines(tmp_path / name, report)) == [(1, "अंक\tank")]


def test_a_cut_gzip_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "cut.tsv.gz"
    path.write_bytes(gzip.compress(b"word\tword\n" * 100)[:-9])
    with pytest.raises(ValueError, match=r"cut\.tsv\.gz: not a whole gzip file"):
        list(read_lines(path, RowReport(str(path))))


def test_a_flipped_bit_in_a_gzip_file_is_refused_by_name(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f"word\tword{n}\n" for n in range(400)).encode())
    path = tmp_path / "flipped.tsv.gz"
    for place in range(12, len(whole) - 8, 7):
        flipped = bytearray(whole)
        flipped[place] ^= 16
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match=r"flipped\.tsv\.gz: not a whole gzip"):
            list(read_lines(path, RowReport(str(path))))


def test_a_report_stops_above_the_allowed_share_and_shows_the_first_bad_lines() -> None:
    report = RowReport("f", read=100, kept=98)
    report.refuse(7, "empty")
    report.check(0.01)
    report.refuse(9, "wrong script", "x" * 10_000)
    with pytest.raises(ValueError, match=r"2 of 100 lines(.|\n)*f:7: empty\n") as error:
        report.check(0.01)
    assert len(str(error.value)) < 500
    report.check(0.02)


def test_only_the_first_few_bad_lines_are_kept() -> None:
    report = RowReport("f")
    for line in range(1, 1001):
        report.refuse(line, "empty")
    assert report.bad == 1000
    assert 1 < len(report.firsts) < 20


def test_the_first_bad_lines_are_those_of_the_file_however_they_are_found() -> None:
    report = RowReport("f")
    for line in (9, 3, 8, 7, 2, 6, 5):
        report.refuse(line, "empty")
    assert report.firsts == [f"f:{line}: empty" for line in (2, 3, 5, 6, 7)]
