"""Files of word pairs in, checked and normalised pairs or examples out.

One reader per file layout. Every word passes the project's normaliser and script check
here and nowhere later; a bad row is refused with its file and line, and counted. What
is done with the pairs (directions, splits, encoding) is settled elsewhere.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable

from epik_jax.data import layouts
from epik_jax.data.pairs import WordPair, example_id, merged_examples
from epik_jax.data.rows import RowReport, read_lines
from epik_jax.structs import Example
from epik_jax.text.normalise import complaint, normalise
from epik_jax.text.scripts import LANGUAGES

MAX_LENGTH = 64
"""Code points in the longest word that a reader accepts, unless told otherwise."""

_PARALLEL_COLUMNS = ("src_lang", "tgt_lang", "src", "refs", "key", "source")

Check = Callable[[str], tuple[str, str | None]]
"""raw text -> (normalised text, cause of refusal or None)."""


def read_dakshina(
    path: str | os.PathLike[str],
    lang: str,
    *,
    max_length: int = MAX_LENGTH,
    max_bad_share: float = 0.01,
) -> tuple[list[WordPair], RowReport]:
    """Reads a Dakshina lexicon: native word, romanisation, number of annotators.

    Args:
      path: a tab-separated file, plain or .gz.
      lang: language of the native column.
      max_length: longest word accepted, in code points.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      The pairs in file order, and what became of every line.

    Raises:
      ValueError: too many bad lines.

    Source: Roark et al. 2020, "Processing South Asian Languages Written in the Latin
    Script: the Dakshina Dataset".
    """
    return _read_pairs(path, lang, layouts.dakshina_rows, max_length, max_bad_share)


def read_aksharantar(
    path: str | os.PathLike[str],
    lang: str,
    *,
    max_length: int = MAX_LENGTH,
    max_bad_share: float = 0.01,
) -> tuple[list[WordPair], RowReport]:
    """Reads an Aksharantar list: JSON lines as released, or tab-separated columns.

    Args:
      path: .json or .jsonl with the keys "native word", "english word" and "source", or
        tab-separated native word, romanisation and, if there, source; plain or .gz.
      lang: language of the native side.
      max_length: longest word accepted, in code points.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      The pairs in file order, and what became of every line; `origin` is the row's own
      source where it names one.

    Raises:
      ValueError: too many bad lines.

    Source: Madhani et al. 2023, "Aksharantar: Open Indic-language Transliteration
    datasets and models for the Next Billion Users".
    """
    is_json = str(path).removesuffix(".gz").endswith((".json", ".jsonl"))
    layout = layouts.aksharantar_json_rows if is_json else layouts.aksharantar_tsv_rows
    return _read_pairs(path, lang, layout, max_length, max_bad_share)


def read_native_pairs(
    path: str | os.PathLike[str],
    lang: str,
    *,
    max_length: int = MAX_LENGTH,
    max_bad_share: float = 0.01,
) -> tuple[list[WordPair], RowReport]:
    """Reads two columns, native word and romanisation, each row one writer's.

    Args, Returns, Raises: see `read_dakshina`; `origin` is the file's name.
    """
    origin = os.path.basename(path).split(".")[0]
    layout = functools.partial(layouts.pair_rows, origin=origin)
    return _read_pairs(path, lang, layout, max_length, max_bad_share)


def read_pairs_tsv(
    path: str | os.PathLike[str],
    source_lang: str,
    target_lang: str,
    *,
    max_length: int = MAX_LENGTH,
    max_bad_share: float = 0.01,
) -> tuple[list[Example], RowReport]:
    """Reads two columns, source and target word, of any two languages.

    Args:
      path: a tab-separated file without header, plain or .gz.
      source_lang: language of the first column.
      target_lang: language of the second column.
      max_length: longest word accepted, in code points.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      One example per row, in file order, and what became of every line.

    Raises:
      ValueError: too many bad lines.
    """
    report = RowReport(str(path))
    origin = os.path.basename(path).split(".")[0]
    check_source, check_target = (
        make_check(lang, max_length) for lang in (source_lang, target_lang)
    )
    seen: dict[tuple[str, str], None] = {}
    for line, (raw_source, raw_target) in layouts.columns(
        read_lines(path, report), report, (2,)
    ):
        source, bad_source = check_source(raw_source)
        target, bad_target = check_target(raw_target)
        if cause := bad_source or bad_target:
            report.refuse(line, cause, raw_source if bad_source else raw_target)
        elif (source, target) in seen:
            report.drop("duplicate")
        else:
            seen[source, target] = None
    report.keep(len(seen))
    report.check(max_bad_share)
    prefix = f"{source_lang}>{target_lang}:"
    return [
        Example(prefix + s, s, source_lang, target_lang, (t,), origin=origin)
        for s, t in seen
    ], report


def read_parallel(
    path: str | os.PathLike[str],
    *,
    max_length: int = MAX_LENGTH,
    max_bad_share: float = 0.01,
) -> tuple[list[Example], RowReport]:
    """Reads names in several languages, one ordered language pair per row.

    Args:
      path: a tab-separated file, plain or .gz, whose header names at least src_lang,
        tgt_lang, src, refs (accepted answers, "|" between them), key (the English form)
        and source.
      max_length: longest word accepted, in code points.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      Examples in file order, with the key as pivot where neither side is English, and
      what became of every line. Rows that ask for the same word in the same language
      (one name, several English spellings) become one example that accepts the answers
      of all; its pivot is the first one's.

    Raises:
      ValueError: a column is missing, or too many bad lines.
    """
    report = RowReport(str(path))
    lines = read_lines(path, report)
    columns = layouts.header(lines, report, _PARALLEL_COLUMNS)
    width, places = len(columns), [columns.index(name) for name in _PARALLEL_COLUMNS]
    checks = {lang: make_check(lang, max_length) for lang in LANGUAGES}
    examples: list[Example] = []
    for line, cells in layouts.columns(lines, report, (width,)):
        example = _parallel_example([cells[place] for place in places], checks)
        if isinstance(example, str):
            report.refuse(line, example, "\t".join(cells))
        else:
            examples.append(example)
    merged = merged_examples(examples)
    report.keep(len(merged))
    report.drop("merged", len(examples) - len(merged))
    report.check(max_bad_share)
    return merged, report


def make_check(lang: str, max_length: int) -> Check:
    """Returns the normaliser and script check of one language, with a memory.

    Native words recur once per romanisation, so remembering them halves the work.
    """

    @functools.cache
    def check(raw: str) -> tuple[str, str | None]:
        word = normalise(raw, lang)
        return word, complaint(word, lang, max_length)

    return check


def checked_pairs(
    rows: Iterable[layouts.RawPair],
    lang: str,
    report: RowReport,
    max_length: int = MAX_LENGTH,
) -> list[WordPair]:
    """Normalises raw pairs, leaves out the bad ones and joins the repeated ones.

    What differs in Unicode form or in case alone is one pair once it is normalised: all
    of its writers count for it.

    Args:
      rows: (line, native, Latin, count, origin) as published.
      lang: language of the native side.
      report: told what became of every row.
      max_length: longest word accepted, in code points.

    Returns:
      The pairs that passed, in order of first appearance.
    """
    check_native, check_latin = (
        make_check(lang, max_length),
        make_check("en", max_length),
    )
    pairs: dict[tuple[str, str], WordPair] = {}
    for line, raw_native, raw_latin, count, origin in rows:
        native, bad_native = check_native(raw_native)
        latin, bad_latin = check_latin(raw_latin)
        if cause := bad_native or bad_latin:
            report.refuse(line, cause, raw_native if bad_native else raw_latin)
        elif (first := pairs.get((native, latin))) is not None:
            report.drop("duplicate")
            total = first.count + count
            pairs[native, latin] = dataclasses.replace(first, count=total)
        else:
            where = f"{report.path}:{line}"
            pairs[native, latin] = WordPair(native, latin, count, origin, where)
    report.keep(len(pairs))
    return list(pairs.values())


def _read_pairs(
    path: str | os.PathLike[str],
    lang: str,
    layout: Callable[[layouts.Lines, RowReport], Iterable[layouts.RawPair]],
    max_length: int,
    max_bad_share: float,
) -> tuple[list[WordPair], RowReport]:
    report = RowReport(str(path))
    rows = layout(read_lines(path, report), report)
    pairs = checked_pairs(rows, lang, report, max_length)
    report.check(max_bad_share)
    return pairs, report


def _parallel_example(cells: list[str], checks: dict[str, Check]) -> Example | str:
    """An example from the cells in `_PARALLEL_COLUMNS` order, or what is wrong."""
    source_lang, target_lang, raw_source, raw_refs, raw_key, origin = cells
    if source_lang not in checks or target_lang not in checks:
        return "unknown language"
    if source_lang == target_lang:
        return "one language twice"
    source, cause = checks[source_lang](raw_source)
    if cause:
        return cause
    refs = [checks[target_lang](raw) for raw in raw_refs.split("|")]
    if bad := [cause for _, cause in refs if cause]:
        return bad[0]
    pivot, cause = "", None
    if "en" not in (source_lang, target_lang):
        pivot, cause = checks["en"](raw_key)
    if cause:
        return f"key: {cause}"
    return Example(
        example_id(source, source_lang, target_lang),
        source,
        source_lang,
        target_lang,
        tuple(dict.fromkeys(word for word, _ in refs)),
        pivot,
        origin,
    )
