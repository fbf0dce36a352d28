"""Files of sentences without tags in, sentences out: one a line.

For text that a teacher is asked about. Lines that repeat are kept once; what cannot be
read is told with its file and line.
"""

from __future__ import annotations

import os
import unicodedata

from epik_jax.data.digests import SentenceNames
from epik_jax.data.rows import RowReport, read_lines
from epik_jax.structs import Sentence
from epik_jax.text.wordpiece import split_words


def read_plain_text(
    path: str | os.PathLike[str], lang: str, *, max_bad_share: float = 0.01
) -> tuple[list[Sentence], RowReport]:
    """Reads a sentence a line.

    Args:
      path: a UTF-8 file, plain or .gz.
      lang: language of the sentences.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      The sentences in file order, in NFC, and what became of every line.

    Raises:
      ValueError: too many bad lines, or no sentence is left.
    """
    report = RowReport(str(path))
    names, found = SentenceNames(lang), dict[str, Sentence]()
    for _, line in read_lines(path, report):
        text = unicodedata.normalize("NFC", line).strip()
        words = tuple(word for word, _, _ in split_words(text))
        if not words:
            report.drop("empty")
        elif text in found:
            report.drop("duplicate")
        else:
            report.keep(1)
            name, origin = names.next(text), os.path.basename(path)
            found[text] = Sentence(name, words, lang, (), origin)
    report.check(max_bad_share)
    if not found:
        raise ValueError(f"{path}: no sentence in it")
    return list(found.values()), report
