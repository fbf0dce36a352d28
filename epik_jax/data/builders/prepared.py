"""Prepared TFDS folders: written once from a published archive, read again and again.

Word pairs come out, or tagged sentences. The same checks are applied as when the
published files are read directly, and the same comes out. TensorFlow is never imported:
records are array_record files, read as a data source.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from epik_jax.data import conll, layouts, sources
from epik_jax.data.builders.raw_sentences import FILES, RawSentence, published_lines
from epik_jax.data.pairs import WordPair
from epik_jax.data.rows import RowReport, decoded_lines
from epik_jax.structs import Sentence

INFO_FILE = "dataset_info.json"
"""By which TFDS knows the folder of a prepared version."""

_CHUNK = 4096
_PAIRS, _SENTENCES = "word pairs", "tagged sentences"
_COLUMNS = {
    _PAIRS: {"line", "native", "latin", "count", "origin"},
    _SENTENCES: {"line", "words", "tags", "empty"},
}


def write_tfds(
    name: str,
    lang: str,
    *,
    manual_dir: str | os.PathLike[str],
    data_dir: str | os.PathLike[str],
) -> str:
    """Prepares one language of one set; a folder that is already there is kept.

    Args:
      name: "dakshina", "aksharantar" or "wikiann".
      lang: language of the native side, or of the sentences.
      manual_dir: where the published archive was placed by hand.
      data_dir: root of the prepared sets.

    Returns:
      The prepared folder, as `read_tfds` or `read_tfds_sentences` takes it.

    Raises:
      ValueError: unknown name or language, or the archive is missing or unreadable.
      ImportError: the extra `tfds` is not installed.
    """
    tfds = library()
    builder = _builder_class(name)(
        config=lang, data_dir=os.fspath(data_dir), file_format="array_record"
    )
    # TFDS reports this by an AssertionError, which would read like a bug of ours.
    if not os.path.isdir(manual_dir) or not os.listdir(manual_dir):
        wanted = " ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
        raise ValueError(f"{manual_dir} does not exist or is empty. {wanted}")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=os.fspath(manual_dir))
    )
    return os.fspath(builder.data_path)


def read_tfds(
    directory: str | os.PathLike[str],
    split: str,
    lang: str,
    *,
    max_length: int = sources.MAX_LENGTH,
    max_bad_share: float = 0.01,
) -> tuple[list[WordPair], RowReport]:
    """Reads word pairs from a prepared folder.

    Args:
      directory: a version's folder, such as "data/dakshina/hi/1.0.0".
      split: "train", "validation" or "test".
      lang: language of the native side.
      max_length: longest word accepted, in code points.
      max_bad_share: largest share of bad rows to go on with.

    Returns:
      The pairs in the order of the published file, and what became of every row; lines
      are those of the published file.

    Raises:
      ValueError: too many bad rows, or the folder holds something else.
      ImportError: the extra `tfds` is not installed.
    """
    report = RowReport(f"{os.fspath(directory)}[{split}]")
    source = data_source(_opened(directory, _PAIRS), split)
    rows = _raw_pairs(source, report)
    pairs = sources.checked_pairs(rows, lang, report, max_length)
    report.check(max_bad_share)
    return pairs, report


def read_tfds_sentences(
    directory: str | os.PathLike[str],
    split: str,
    lang: str,
    *,
    types: Sequence[str] = conll.TYPES,
    max_bad_share: float = 0.01,
) -> tuple[list[Sentence], RowReport]:
    """Reads tagged sentences from a prepared folder, as `read_conll` from a file.

    Args:
      directory: a version's folder, such as "data/wikiann/en/1.0.0".
      split: "train", "validation" or "test".
      lang: language of the sentences.
      types: entity types that are kept; words of others become outside words.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      The sentences in the order of the published file, and what became of every line;
      lines are those of the published file.

    Raises:
      ValueError: too many bad lines, or the folder holds something else.
      ImportError: the extra `tfds` is not installed.
    """
    builder = _opened(directory, _SENTENCES)
    # Its name stands before each word; of another language it would stay there.
    if (held := builder.info.config_name) != lang:
        raise ValueError(f"{os.fspath(directory)} is of {held!r}, and not of {lang!r}")
    report = RowReport(f"{os.fspath(directory)}[{split}]")
    rows = records(data_source(builder, split), report)
    lines = published_lines(_raw_sentence(row) for row in rows)
    sentences = conll.checked_sentences(
        decoded_lines(lines, report),
        lang,
        report,
        origin=FILES.get(split, split),
        types=types,
        max_bad_share=max_bad_share,
    )
    return sentences, report


def demand_prepared(directory: str | os.PathLike[str]) -> None:
    """Raises ValueError where a folder is not that of a prepared version."""
    if not os.path.isfile(os.path.join(directory, INFO_FILE)):
        raise ValueError(
            f"{os.fspath(directory)} has no {INFO_FILE}; name the folder of a prepared "
            "version, such as dakshina/hi/1.0.0"
        )


def builder_of(directory: str | os.PathLike[str]) -> Any:
    """The builder of a prepared folder, whatever it holds.

    Raises:
      ValueError: it is no prepared folder.
      ImportError: the extra `tfds` is not installed.
    """
    tfds = library()
    demand_prepared(directory)
    return tfds.builder_from_directory(os.fspath(directory))


def set_name(directory: str | os.PathLike[str]) -> str:
    """The data set that a prepared folder belongs to, such as "dakshina"."""
    with open(os.path.join(directory, INFO_FILE), encoding="utf-8") as file:
        return str(json.load(file)["name"])


def _opened(directory: str | os.PathLike[str], wanted: str) -> Any:
    """The builder of a prepared folder that holds what is wanted of it."""
    builder = builder_of(directory)
    columns = set(builder.info.features)
    if missing := _COLUMNS[wanted] - columns:
        held = [kind for kind, needed in _COLUMNS.items() if needed <= columns]
        raise ValueError(
            f"{os.fspath(directory)} holds no {wanted}: "
            + (f"these are {held[0]}" if held else f"it has no {_listed(missing)}")
        )
    return builder


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def data_source(builder: Any, split: str) -> Any:
    """The records of a split, in order; ValueError where there are none."""
    directory = os.fspath(builder.data_path)
    if split not in builder.info.splits:
        raise ValueError(f"{directory} has no split {split!r}; prepare it anew")
    try:
        return builder.as_data_source(split)
    except NotImplementedError as error:
        raise ValueError(f"{directory}: {error}; prepare it anew") from error


def records(source: Any, report: RowReport) -> Iterator[Mapping[str, Any]]:
    """Rows of a source, some thousands at a time; ValueError where it is damaged."""
    # In chunks: a record fetched by itself costs three times as much.
    for start in range(0, len(source), _CHUNK):
        places = range(start, min(start + _CHUNK, len(source)))
        try:
            rows = source.__getitems__(list(places))
        except (RuntimeError, ValueError) as error:
            raise _unreadable(report) from error
        # A cut file opens all the same, and its texts are None.
        if any(value is None for row in rows for value in row.values()):
            raise _unreadable(report)
        yield from rows


def _unreadable(report: RowReport) -> ValueError:
    return ValueError(f"{report.path}: the records cannot be read; prepare them anew")


def _raw_pairs(source: Any, report: RowReport) -> Iterator[layouts.RawPair]:
    for row in records(source, report):
        native, latin, origin = (
            row[name].decode() for name in ("native", "latin", "origin")
        )
        report.read += 1
        yield int(row["line"]), native, latin, int(row["count"]), origin


def _raw_sentence(row: Mapping[str, Any]) -> RawSentence:
    words, tags = tuple(row["words"]), tuple(row["tags"])
    return RawSentence(int(row["line"]), words, tags, int(row["empty"]))


def library() -> Any:
    """The library, loaded when it is first needed."""
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ImportError(
            f"prepared data sets need tensorflow_datasets ({error}); install it with "
            "pip install 'epik-jax[tfds]'"
        ) from error
    return tensorflow_datasets


def _builder_class(name: str) -> type:
    if name == "dakshina":
        from epik_jax.data.builders.dakshina import dakshina_dataset_builder

        return dakshina_dataset_builder.Builder
    if name == "aksharantar":
        from epik_jax.data.builders.aksharantar import aksharantar_dataset_builder

        return aksharantar_dataset_builder.Builder
    if name == "wikiann":
        from epik_jax.data.builders.wikiann import wikiann_dataset_builder

        return wikiann_dataset_builder.Builder
    raise ValueError(
        f"unknown data set {name!r}; known are dakshina, aksharantar and wikiann"
    )
