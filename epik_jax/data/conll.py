"""Files of tagged sentences in, checked sentences out.

A word and its tag stand on a line, an empty line ends a sentence (CoNLL 2002 and 2003,
and WikiAnn, which writes the language before each word: "en:Paris"). Tags are IOB2. A
bad line is refused with its file and line, and its sentence with it.
"""

from __future__ import annotations

import dataclasses
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from epik_jax.data.digests import SentenceNames
from epik_jax.data.rows import RowReport, read_lines
from epik_jax.structs import Sentence

OUTSIDE = "O"
"""The tag of a word that belongs to no entity."""

TYPES = ("LOC", "ORG", "PER")
"""The entity types of WikiAnn, which most sets have."""

_DOCUMENT = "-DOCSTART-"
_ANY_PREFIX = r"[a-z]{2,3}:(?=\w)"


@dataclasses.dataclass(frozen=True)
class _Row:
    """A line that is a word of a sentence."""

    line: int
    word: str
    tag: str


def read_conll(
    path: str | os.PathLike[str],
    lang: str,
    *,
    types: Sequence[str] = TYPES,
    max_bad_share: float = 0.01,
) -> tuple[list[Sentence], RowReport]:
    """Reads tagged sentences.

    Args:
      path: a UTF-8 file, plain or .gz; the word is the first column and the tag the
        last, between tabs or, where a line has none, spaces.
      lang: language of the sentences; where the first word begins with it and a colon,
        all must, and it is taken off. "" where it is not known: then the first word
        may begin with any two or three small letters and a colon.
      types: entity types that are kept; words of others become outside words, counted.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      The sentences in file order, words in NFC, and what became of every line. Equal
      sentences are kept as often as they stand there.

    Raises:
      ValueError: too many bad lines, none that is left, or words that all begin with
        another language.

    Source: Tjong Kim Sang 2002, "Introduction to the CoNLL-2002 Shared Task"; Rahimi et
    al. 2019, "Massively Multilingual Transfer for NER" (the WikiAnn layout).
    """
    report = RowReport(str(path))
    origin = os.path.basename(path).split(".conll")[0]
    sentences = checked_sentences(
        read_lines(path, report),
        lang,
        report,
        origin=origin,
        types=types,
        max_bad_share=max_bad_share,
    )
    return sentences, report


def checked_sentences(
    lines: Iterable[tuple[int, str]],
    lang: str,
    report: RowReport,
    *,
    origin: str,
    types: Sequence[str] = TYPES,
    max_bad_share: float = 0.01,
) -> list[Sentence]:
    """Checks the lines of one file and puts them together to sentences.

    Args:
      lines: (line number, text) in file order, those between sentences included.
      lang: language of the sentences, and their prefix as for `read_conll`.
      report: the account that `lines` writes to, line by line as it is read.
      origin: the list that the sentences come from.
      types: entity types that are kept.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      The sentences that are good from their first word to their last.

    Raises:
      ValueError: too many bad lines, none that is left, or words that all begin with
        another language.
    """
    sentences: list[Sentence] = []
    names = SentenceNames(lang)
    for rows in _tagged_rows(lines, lang, report):
        words = tuple(row.word for row in rows)
        tags = tuple(known_tag(row.tag, types) for row in rows)
        report.keep(len(rows))
        others = sum(row.tag != tag for row, tag in zip(rows, tags, strict=True))
        report.alter("tag of another type", others)
        name = names.next("\x1f".join(words))
        sentences.append(Sentence(name, words, lang, tags, origin))
    report.check(max_bad_share)
    if not sentences:
        raise ValueError(f"{report.path}: no tagged sentence in it")
    _demand_no_prefix(sentences, lang, report)
    return sentences


def _demand_no_prefix(
    sentences: Sequence[Sentence], lang: str, report: RowReport
) -> None:
    """Refuses words that all begin with another language than what was given."""
    words = (word for sentence in sentences for word in sentence.words)
    found = {m[0] if (m := re.match(_ANY_PREFIX, word)) else "" for word in words}
    if len(found) == 1 and (other := found.pop()):
        raise ValueError(
            f"{report.path}: each word begins with {other!r}, and the language is "
            f"said to be {lang!r}"
        )


def known_tag(tag: str, types: Sequence[str]) -> str:
    """The tag, or that of an outside word where its type is none of `types`."""
    return tag if tag == OUTSIDE or tag[2:] in types else OUTSIDE


def _tagged_rows(
    lines: Iterable[tuple[int, str]], lang: str, report: RowReport
) -> Iterator[list[_Row]]:
    """The lines of each sentence that is good from its first word to its last."""
    prefix: str | None = None
    rows: list[_Row] = []
    # Of bad lines by then; the reader refuses some itself, which never come here.
    before = report.bad
    for line, text in chain(lines, [(0, "")]):
        spoilt = report.bad > before
        if not text.strip():
            if line:
                report.drop("between sentences")
            if spoilt:
                report.drop("beside a bad line", len(rows))
            elif rows:
                yield rows
            rows, before = [], report.bad
        elif text.startswith(_DOCUMENT):
            report.drop("document mark")
        else:
            if prefix is None:
                found = re.match(f"{re.escape(lang)}:" if lang else _ANY_PREFIX, text)
                prefix = found[0] if found else ""
            last = rows[-1].tag if rows else OUTSIDE
            row = _row(line, text, prefix, None if spoilt else last)
            if isinstance(row, str):
                report.refuse(line, row, text)
            else:
                rows.append(row)


def _row(line: int, text: str, prefix: str, before: str | None) -> _Row | str:
    """A word with its tag, or what is wrong with the line.

    Behind a bad line nothing is known of the tag `before`: one fault counts once.
    """
    text = text.rstrip()
    cells = text.split("\t") if "\t" in text else text.split(" ")
    cells = [cell.strip() for cell in cells]
    if len(cells) < 2:
        return "no tag"
    word, tag = unicodedata.normalize("NFC", cells[0]), cells[-1]
    if not word.startswith(prefix):
        return f"no {prefix!r} before the word"
    if not (word := word.removeprefix(prefix)):
        return "no word"
    if tag != OUTSIDE and not (tag[:2] in ("B-", "I-") and tag[2:]):
        return "no IOB2 tag"
    if tag.startswith("I-") and before is not None and before[2:] != tag[2:]:
        return "I- begins an entity, which B- does in IOB2"
    return _Row(line, word, tag)
