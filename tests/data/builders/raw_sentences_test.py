"""Nothing of a file of sentences is lost between its lines and a prepared set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from epik_jax.data.builders.raw_sentences import published_lines, raw_sentences
from epik_jax.data.rows import raw_lines

LINE = st.text(alphabet="aO:\t \r\u00a0", max_size=6).map(str.encode)
BROKEN = st.sampled_from([b"en:a\xff\tO", b"en:a\tO", b"", b"", b"\tO", b"a\t"])


@given(st.lists(LINE | BROKEN, max_size=12).map(b"\n".join))
def test_lines_come_back_from_the_sentences_made_of_them(content: bytes) -> None:
    lines = [(n, line if line.strip() else b"") for n, line in raw_lines(content)]
    found = list(published_lines(raw_sentences(raw_lines(content))))
    assert found == (lines if any(line for _, line in lines) else [])


def test_a_sentence_has_its_words_tags_and_first_line() -> None:
    first, second = raw_sentences(raw_lines(b"\nen:a\tO\nb\n\n\nen:c\tx\tB-LOC\n\n"))
    assert (first.line, first.words, first.tags) == (2, (b"en:a", b"b"), (b"O", b""))
    assert (second.line, second.words, second.tags) == (6, (b"en:c\tx",), (b"B-LOC",))
    assert (first.empty, second.empty) == (2, 1)
