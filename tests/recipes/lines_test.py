"""Lines of text as they are, and bad ones told with their place."""

from __future__ import annotations

import io

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
