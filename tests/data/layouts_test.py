"""Claims about headers."""

from __future__ import annotations

import pytest

from epik_jax.data.layouts import header
from epik_jax.data.rows import RowReport, split_lines


@pytest.mark.parametrize("rest", [b"", b"\n\tx\ty\n"])
def test_a_header_that_is_not_utf8_is_named_as_such(rest: bytes) -> None:
    report = RowReport("pairs.tsv")
    lines = split_lines(b"src\trefs\tk\xffy" + rest, report)
    with pytest.raises(ValueError, match=r"^pairs\.tsv:1: bad UTF-8: 'byte 10 of .*'"):
        header(lines, report, ("src", "refs"))


def test_an_empty_file_lacks_its_header() -> None:
    report = RowReport("pairs.tsv")
    with pytest.raises(ValueError, match=r"pairs\.tsv:1: the header lacks src"):
        header(split_lines(b"", report), report, ("src",))
