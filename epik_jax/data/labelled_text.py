"""Files of labelled sentences in, sentences out: text, a tab, the label.

For data sets of reviews, news and the like. A bad line is refused with its place.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence

from epik_jax.data.digests import SentenceNames
from epik_jax.data.rows import RowReport, read_lines
from epik_jax.structs import Sentence
from epik_jax.text.wordpiece import split_words


def read_labelled_text(
    path: str | os.PathLike[str],
    lang: str,
    labels: Sequence[str],
    *,
    max_bad_share: float = 0.01,
) -> tuple[list[Sentence], RowReport]:
    """Reads a sentence a line, its label behind the last tab.

    Args:
      path: a UTF-8 file, plain or .gz.
      lang: language of the sentences.
      labels: that are known; another one is a fault of its line.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      The sentences in file order, in NFC, and what became of every line.

    Raises:
      ValueError: too many bad lines, or no sentence is left.
    """
    report = RowReport(str(path))
    found: list[Sentence] = []
    names = SentenceNames(lang)
    for number, line in read_lines(path, report):
        text, tab, label = line.rpartition("\t")
        text = unicodedata.normalize("NFC", text).strip()
        words = tuple(word for word, _, _ in split_words(text))
        if not line.strip():
            report.drop("empty")
        elif not tab or not words:
            report.refuse(number, "no text and label with a tab between", line)
        elif label.strip() not in labels:
            report.refuse(number, f"label is none of {tuple(labels)}", line)
        else:
            name, origin = names.next(text), os.path.basename(path)
            found.append(Sentence(name, words, lang, (), origin, label.strip()))
            report.keep(1)
    report.check(max_bad_share)
    if not found:
        raise ValueError(f"{path}: no labelled sentence in it")
    return found, report
