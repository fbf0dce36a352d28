"""Lists of text pairs on disk, as a configuration names them.

The settings of a list go in; its pairs come out, with an account of every line. What
they are used for is settled in `corpus`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from epik_jax.data.builders import prepared, prepared_pairs
from epik_jax.data.rows import RowReport
from epik_jax.data.text_pairs import read_text_pairs
from epik_jax.structs import TextPair

Split = Literal["train", "dev", "test", "general"]

_TFDS_SPLITS: dict[Split, str] = {
    "train": "train",
    "dev": "validation",
    "test": "test",
    "general": "train",
}


@dataclasses.dataclass(frozen=True)
class PairListConfig:
    """One list of pairs.

    Attributes:
      name: of the list in figures, such as "wikiqa".
      split: what it is for; of "general" the texts alone are taken.
      path: below the root; of a file: columns with tabs between, or JSON lines where
        the name ends in .jsonl or .jsonl.gz; or of the format "tfds" the folder of a
        version.
      format: "tfds" of a set that TFDS prepared, such as glue/rte/2.0.0.
      part: of such a set, such as "validation_matched"; "" for train, validation or
        test, by `split`.
    """

    name: str
    split: Split
    path: str
    format: Literal["file", "tfds"] = "file"
    part: str = ""

    def __post_init__(self) -> None:
        """Refuses names that name nothing."""
        if not self.name.strip():
            raise ValueError(f"the list of {self.path} has no name")
        if self.part and self.format != "tfds":
            raise ValueError(f"list {self.name}: part is of the format 'tfds' alone")

    @property
    def read_part(self) -> str:
        """The part of a set that is read, by whichever name; "" of a file."""
        return "" if self.format == "file" else self.part or _TFDS_SPLITS[self.split]


def demand_there(lists: Sequence[PairListConfig], root: Path) -> None:
    """Notices what is missing before anything is read.

    Raises:
      ValueError: a file is not there; names the first.
    """
    files = [item for item in lists if item.format == "file"]
    for item in lists:
        if item.format == "tfds":
            prepared.demand_prepared(root / item.path)
    if missing := [item.path for item in files if not (root / item.path).is_file()]:
        more = f", nor {len(missing) - 1} others" if len(missing) > 1 else ""
        raise ValueError(f"{root}: there is no file {missing[0]}{more}")


def read_list(
    item: PairListConfig, root: Path, labels: Sequence[str], max_bad_share: float
) -> tuple[list[TextPair], RowReport]:
    """Reads one list; see `read_text_pairs` for what is refused."""
    wanted = () if item.split == "general" else labels
    path, share = root / item.path, max_bad_share
    if item.format == "file":
        return read_text_pairs(path, wanted, max_bad_share=share)
    try:
        return prepared_pairs.read_tfds_pairs(
            path, item.read_part, wanted, max_bad_share=share
        )
    except ImportError as error:
        raise ValueError(str(error)) from error
