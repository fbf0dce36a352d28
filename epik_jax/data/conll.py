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
from collections import Counter
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
_ANY_LANGUAGE = r"[a-z]{2,3}(-[a-z]+)*"


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
      lang: language of the sentences, "" where it is not known. Where most words begin
        with a language and a colon, all must, and it is taken off.
      types: entity types that are kept; words of others become outside words, counted.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      The sentences in file order, words in NFC, and what became of every line. Equal
      sentences are kept as often as they stand there.

    Raises:
      ValueError: too many bad lines, none that is left, or words that begin with
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
      ValueError: too many bad lines, none that is left, or words that begin with
        another language.
    """
    read = list(lines)
    prefix = _common_prefix(read, lang, report)
    sentences: list[Sentence] = []
    names = SentenceNames(lang)
    for rows in _tagged_rows(read, prefix, report):
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
    return sentences


def _common_prefix(
    lines: Sequence[tuple[int, str]], lang: str, report: RowReport
) -> str:
    """What most words begin with, such as "en:"; "" where that is nothing.

    Most, and not the first alone: that may be a sign, or a word with a colon in it.

    Raises:
      ValueError: it is of another language than was given.
    """
    language = f"({re.escape(lang)}|{_ANY_LANGUAGE})" if lang else _ANY_LANGUAGE
    pattern = re.compile(f"{language}:(?=\\S)")
    rows = [text for _, text in lines if _is_row(text)]
    counts = Counter(found[0] for text in rows if (found := pattern.match(text)))
    [(prefix, count)] = counts.most_common(1) or [("", 0)]
    if 2 * count <= len(rows):
        return ""
    if lang and prefix != f"{lang}:":
        raise ValueError(
            f"{report.path}: words begin with {prefix!r}, and the language is said to "
            f"be {lang!r}"
        )
    return prefix


def _is_row(text: str) -> bool:
    """Whether a line is a word of a sentence, well written or not."""
    return bool(text.strip()) and not text.startswith(_DOCUMENT)


def known_tag(tag: str, types: Sequence[str]) -> str:
    """The tag, or that of an outside word where its type is none of `types`."""
    return tag if tag == OUTSIDE or tag[2:] in types else OUTSIDE


def _tagged_rows(
    lines: Iterable[tuple[int, str]], prefix: str, report: RowReport
) -> Iterator[list[_Row]]:
    """The lines of each sentence that is good from its first word to its last."""
    rows: list[_Row] = []
    spoilt, before = False, 0
    for line, text in chain(lines, [(report.read + 1, "")]):
        # The reader refuses some lines itself, which never come here.
        spoilt, before = spoilt or line != before + 1, line
        if not text.strip():
            if line <= report.read:
                report.drop("between sentences")
            if spoilt:
                report.drop("beside a bad line", len(rows))
            elif rows:
                yield rows
            rows, spoilt = [], False
        elif not _is_row(text):
            report.drop("document mark")
        else:
            last = rows[-1].tag if rows else OUTSIDE
            row = _row(line, text, prefix, None if spoilt else last)
            if isinstance(row, str):
                report.refuse(line, row, text)
                spoilt = True
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
