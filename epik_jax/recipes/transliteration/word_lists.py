"""Lists of words on disk, as a configuration names them.

The settings of a list go in; its pairs or its direct names come out, with an account of
every row. What follows for training from what a list is for is settled in `corpus`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from epik_jax.data import sources
from epik_jax.data.builders import prepared
from epik_jax.data.pairs import WordPair
from epik_jax.data.rows import RowReport
from epik_jax.structs import Example
from epik_jax.text.scripts import INDIC_LANGUAGES

_TFDS_SPLITS = {
    "train": ("train",),
    "dev": ("validation",),
    "test": ("test",),
    "held": ("validation", "test"),
}


@dataclasses.dataclass(frozen=True)
class ListConfig:
    """One list of words.

    Attributes:
      format: its layout.
      lang: language of its native side; unused for parallel names.
      split: what it is for; "held" is only kept out of training.
      path: below the root; a file, or of "tfds" the folder of a version.
    """

    format: Literal["dakshina", "aksharantar", "pairs", "parallel", "tfds"]
    lang: str
    split: Literal["train", "dev", "test", "names", "held"]
    path: str

    def __post_init__(self) -> None:
        """Refuses a list that could not be used as it says."""
        if self.format == "parallel":
            if self.split not in ("names", "held"):
                raise ValueError(
                    f"{self.path}: split is {self.split!r}; a parallel list holds "
                    "direct names: its split is 'names', or 'held'"
                )
            return
        if self.split == "names":
            raise ValueError(
                f"{self.path}: split 'names' is for direct names, which the format "
                f"{self.format} does not hold; 'parallel' does"
            )
        if self.lang not in INDIC_LANGUAGES:
            raise ValueError(
                f"{self.path}: lang is {self.lang!r}, expected the language of the "
                f"native side, one of {INDIC_LANGUAGES}"
            )


@dataclasses.dataclass(frozen=True)
class WordList:
    """What a list holds.

    Attributes:
      name: the data set that it belongs to, such as "dakshina".
      pairs: of every format but "parallel".
      names: of "parallel".
      reports: what became of its rows, by path, with the split where it has several.
    """

    name: str
    pairs: list[WordPair]
    names: list[Example]
    reports: dict[str, RowReport]


def demand_there(lists: Sequence[ListConfig], root: Path) -> None:
    """Notices what is missing before anything is read.

    Raises:
      ValueError: a file or a prepared folder is not there; names the first.
    """
    missing = [item for item in lists if not _is_there(item, root)]
    if not missing:
        return
    first = missing[0]
    if first.format == "tfds" and (root / first.path).is_dir():
        prepared.demand_prepared(root / first.path)
    raise ValueError(
        f"{root / first.path} is not there ({len(missing)} of {len(lists)} files are "
        "missing); is data.root right?"
    )


def read_list(
    item: ListConfig, root: Path, *, max_length: int, max_bad_share: float
) -> WordList:
    """Reads one list.

    Args:
      item: which.
      root: where its path begins.
      max_length: longest word taken, in code points.
      max_bad_share: share of bad rows at which it is refused.

    Raises:
      ValueError: too many bad rows, or no such data; names the file.
    """
    path = root / item.path
    limits = {"max_length": max_length, "max_bad_share": max_bad_share}
    if item.format == "tfds":
        return _read_prepared(item, path, limits)
    if item.format == "parallel":
        names, report = sources.read_parallel(path, **limits)  # type: ignore[arg-type]
        return WordList(item.format, [], names, {item.path: report})
    reader = {
        "dakshina": sources.read_dakshina,
        "aksharantar": sources.read_aksharantar,
        "pairs": sources.read_native_pairs,
    }[item.format]
    pairs, report = reader(path, item.lang, **limits)  # type: ignore[arg-type]
    return WordList(item.format, pairs, [], {item.path: report})


def _is_there(item: ListConfig, root: Path) -> bool:
    path = root / item.path
    if item.format == "tfds":
        return (path / prepared.INFO_FILE).is_file()
    return path.is_file()


def _read_prepared(item: ListConfig, path: Path, limits: dict[str, float]) -> WordList:
    pairs: list[WordPair] = []
    reports = {}
    for split in _TFDS_SPLITS[item.split]:
        try:
            read, report = prepared.read_tfds(path, split, item.lang, **limits)  # type: ignore[arg-type]
        except ImportError as error:
            raise ValueError(str(error)) from error
        pairs += read
        reports[f"{item.path}[{split}]"] = report
    return WordList(prepared.set_name(path), pairs, [], reports)
