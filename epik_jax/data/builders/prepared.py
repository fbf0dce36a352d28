"""Prepared TFDS folders: written once from a published archive, read as word pairs.

The same checks are applied as when the published files are read directly, and the same
pairs come out. TensorFlow is never imported: records are array_record files, read as a
data source.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from epik_jax.data import layouts, sources
from epik_jax.data.pairs import WordPair
from epik_jax.data.rows import RowReport

INFO_FILE = "dataset_info.json"
"""By which TFDS knows the folder of a prepared version."""

_CHUNK = 4096
_COLUMNS = {"line", "native", "latin", "count", "origin"}


def write_tfds(
    name: str,
    lang: str,
    *,
    manual_dir: str | os.PathLike[str],
    data_dir: str | os.PathLike[str],
) -> str:
    """Prepares one language of one set; a folder that is already there is kept.

    Args:
      name: "dakshina" or "aksharantar".
      lang: language of the native side.
      manual_dir: where the published archive was placed by hand.
      data_dir: root of the prepared sets.

    Returns:
      The prepared folder, as `read_tfds` takes it.

    Raises:
      ValueError: unknown name or language, or the archive is missing or unreadable.
      ImportError: the extra `tfds` is not installed.
    """
    tfds = _tfds()
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
    source = _data_source(os.fspath(directory), split)
    report = RowReport(f"{os.fspath(directory)}[{split}]")
    rows = _raw_pairs(source, report)
    pairs = sources.checked_pairs(rows, lang, report, max_length)
    report.check(max_bad_share)
    return pairs, report


def set_name(directory: str | os.PathLike[str]) -> str:
    """The data set that a prepared folder belongs to, such as "dakshina"."""
    with open(os.path.join(directory, INFO_FILE), encoding="utf-8") as file:
        return str(json.load(file)["name"])


def _data_source(directory: str, split: str) -> Any:
    builder = _tfds().builder_from_directory(directory)
    if missing := _COLUMNS - set(builder.info.features):
        raise ValueError(
            f"{directory} holds no word pairs: it has no {', '.join(sorted(missing))}"
        )
    if split not in builder.info.splits:
        raise ValueError(f"{directory} has no split {split!r}; prepare it anew")
    try:
        return builder.as_data_source(split)
    except NotImplementedError as error:
        raise ValueError(f"{directory}: {error}; prepare it anew") from error


def _raw_pairs(source: Any, report: RowReport) -> Iterator[layouts.RawPair]:
    # In chunks: a record fetched by itself costs three times as much.
    for start in range(0, len(source), _CHUNK):
        places = range(start, min(start + _CHUNK, len(source)))
        try:
            rows = [_raw_pair(row) for row in source.__getitems__(list(places))]
        # A cut file opens all the same, and its texts are None.
        except (RuntimeError, AttributeError) as error:
            raise ValueError(
                f"{report.path}: the records cannot be read; prepare them anew"
            ) from error
        for row in rows:
            report.read += 1
            yield row


def _raw_pair(row: Mapping[str, Any]) -> layouts.RawPair:
    native, latin, origin = (
        row[name].decode() for name in ("native", "latin", "origin")
    )
    return int(row["line"]), native, latin, int(row["count"]), origin


def _tfds() -> Any:
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
    raise ValueError(f"unknown data set {name!r}; known are dakshina and aksharantar")
