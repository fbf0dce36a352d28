"""Lists of sentences on disk, as a configuration names them.

The settings of a list go in; its sentences come out, with an account of every line.
What they are used for is settled in `corpus`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from epik_jax.data.builders import prepared
from epik_jax.data.conll import read_conll
from epik_jax.data.labelled_text import read_labelled_text
from epik_jax.data.plain_text import read_plain_text
from epik_jax.data.rows import RowReport
from epik_jax.structs import Sentence

_TFDS_SPLITS = {
    "train": "train",
    "dev": "validation",
    "test": "test",
    "unlabelled": "train",
}


@dataclasses.dataclass(frozen=True)
class TaggedListConfig:
    """One list of sentences.

    Attributes:
      name: of the list in figures, such as "wikiann/en".
      lang: language of its sentences.
      split: what it is for; of "unlabelled" the words alone are taken.
      path: below the root; a file, or of the format "tfds" the folder of a version.
      format: "tfds" of a set that TFDS prepared. A file is plain text where its name
        ends in .txt or .txt.gz, labelled sentences where in .tsv or .tsv.gz, else
        tagged words.
    """

    name: str
    lang: str
    split: Literal["train", "dev", "test", "unlabelled"]
    path: str
    format: Literal["file", "tfds"] = "file"

    @property
    def layout(self) -> str:
        """What the list holds: "txt", "tsv" or "conll" as the name ends, or "tfds"."""
        if self.format == "tfds":
            return "tfds"
        ending = self.path.removesuffix(".gz").rpartition(".")[2]
        return ending if ending in ("txt", "tsv") else "conll"

    def __post_init__(self) -> None:
        """Refuses plain text where tags are needed, and names that name nothing."""
        if not self.name.strip():
            raise ValueError(f"the list of {self.path} has no name")
        if not re.fullmatch(r"[A-Za-z0-9]+([-_][A-Za-z0-9]+)*", self.lang):
            raise ValueError(
                f"list {self.name}: lang {self.lang!r} is no name of a language, such "
                "as 'en' or 'zh-Hans'"
            )
        if self.layout == "txt" and self.split != "unlabelled":
            raise ValueError(
                f"list {self.name}: {self.path} is plain text, which is for split "
                f"'unlabelled' and not for {self.split!r}"
            )


def demand_there(lists: Sequence[TaggedListConfig], root: Path) -> None:
    """Notices what is missing before anything is read.

    Raises:
      ValueError: a file or a prepared folder is not there; names the first.
    """
    if missing := [item.path for item in lists if not (root / item.path).exists()]:
        raise ValueError(
            f"{root}: there is no {missing[0]}"
            + (f", nor {len(missing) - 1} others" if len(missing) > 1 else "")
        )
    for item in lists:
        if item.format == "tfds":
            prepared.demand_prepared(root / item.path)
        elif (root / item.path).is_dir():
            raise ValueError(
                f"list {item.name}: {root / item.path} is a folder; if TFDS prepared "
                "it, give the list the format 'tfds'"
            )


def read_list(
    item: TaggedListConfig,
    root: Path,
    *,
    types: Sequence[str],
    classes: Sequence[str],
    max_bad_share: float,
) -> tuple[list[Sentence], RowReport]:
    """Reads one list.

    Args:
      item: which.
      root: where its path begins.
      types: entity types that are kept, where words are tagged.
      classes: labels that are known, where sentences are labelled.
      max_bad_share: share of bad lines at which it is refused.

    Raises:
      ValueError: too many bad lines, or no such data; names the file.
    """
    path, share = root / item.path, max_bad_share
    if item.layout == "txt":
        return read_plain_text(path, item.lang, max_bad_share=share)
    if item.layout == "tsv":
        return read_labelled_text(path, item.lang, classes, max_bad_share=share)
    if item.layout == "conll":
        return read_conll(path, item.lang, types=types, max_bad_share=share)
    try:
        return prepared.read_tfds_sentences(
            path,
            _TFDS_SPLITS[item.split],
            item.lang,
            types=types,
            max_bad_share=share,
        )
    except ImportError as error:
        raise ValueError(str(error)) from error
