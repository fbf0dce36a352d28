"""Lines of text as they are, and bad ones told with their place."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from epik_jax.recipes import lines


def test_only_a_line_feed_ends_a_line() -> None:
    stream = io.BytesIO("\ufeffa\u2028b\r\n\n c ".encode())
    assert list(lines.read_text(stream, "x")) == ["a\u2028b", "", " c "]


def test_bad_bytes_are_told_with_their_place() -> None:
    found = lines.read_text(io.BytesIO(b"ok\nab\xff\n"), "words.txt")
    assert next(found) == "ok"
    with pytest.raises(ValueError, match=r"words\.txt:2: byte 3"):
        next(found)


def test_empty_text_is_refused() -> None:
    with pytest.raises(ValueError, match="is empty"):
        list(lines.read_text(io.BytesIO(b""), "x"))


def test_a_packed_file_is_unpacked_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(b"a\tb\nc\td\n"))
    with lines.open_text(path) as found:
        assert list(found) == ["a\tb", "c\td"]


@pytest.mark.parametrize(
    "content",
    [b"a\tb\n", gzip.compress(b"a\tb\n" * 99)[:-9]],
    ids=["never packed", "cut short"],
)
def test_what_is_packed_by_its_name_alone_is_told(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(content)
    said = r"a.tsv.gz: not a whole gzip file"
    with pytest.raises(ValueError, match=said), lines.open_text(path) as found:
        list(found)
