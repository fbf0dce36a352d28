"""The pairs of a scoring run: read, guarded against leaks, split by purpose.

Settings go in, pairs come out: what is trained on with labels and without, what choices
are made on, what is reported on. Nothing is cut into pieces here.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from epik_jax.bounds import LARGEST_SEED, demand, within
from epik_jax.data.draw import share_of
from epik_jax.data.general_pairs import GeneralPairsConfig, general_pairs
from epik_jax.data.made_up_questions import LABELS, RIGHT, made_up_questions
from epik_jax.data.text_pairs import NO_GOLD
from epik_jax.recipes.leaks import without_leaks
from epik_jax.recipes.scoring.pair_lists import (
    PairListConfig,
    Split,
    demand_there,
    read_list,
)
from epik_jax.structs import TextPair

_GUARDS: dict[Split, tuple[Split, ...]] = {
    "test": (),
    "dev": ("test",),
    "train": ("test", "dev"),
    "general": ("test", "dev"),
}
"""Splits whose pairs a split must not hold."""

_DRAWN: tuple[Split, ...] = ("train", "dev")

Lists: TypeAlias = dict[tuple[Split, str], list[TextPair]]
"""Pairs by split and name of the list."""


@dataclasses.dataclass(frozen=True)
class PairDataConfig:
    """Where the pairs come from.

    Attributes:
      kind: questions that the project makes up, or files.
      root: folder of the files.
      lists: the files; those of one task, whose labels these are, but for those of
        split "general".
      labels: classes of a pair, in order; empty for those of what is made up.
      right: the class of a candidate that answers its question, where candidates are
        ranked; "" where they are not.
      general: how pairs without labels are built, of all training texts.
      dev_share: share of the training questions that become a dev list, where there is
        none.
      max_bad_share: share of bad lines at which a file is refused.
      num_questions: of what is made up, training questions; a fifth as many are for dev
        and test each.
      seed: of what is made up.
    """

    kind: Literal["builtin", "files"] = "builtin"
    root: str = ""
    lists: tuple[PairListConfig, ...] = ()
    labels: tuple[str, ...] = ()
    right: str = ""
    general: GeneralPairsConfig = dataclasses.field(default_factory=GeneralPairsConfig)
    dev_share: float = 0.0
    max_bad_share: float = 0.01
    num_questions: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing, and files that nobody would read."""
        demand(self, 5, "num_questions")
        within(self, 0.0, 1.0, "max_bad_share", "dev_share")
        within(self, 0, LARGEST_SEED, "seed")
        if self.kind == "builtin":
            if self.root or self.lists or self.labels or self.right:
                raise ValueError(
                    "kind 'builtin' has labels of its own and reads neither root nor "
                    "lists: set kind to 'files'"
                )
            if self.dev_share:
                raise ValueError(
                    "kind 'builtin' makes up a dev list: leave dev_share at 0"
                )
            return
        if len(set(self.labels)) < max(2, len(self.labels)):
            raise ValueError(f"labels {self.labels} are not two classes or more")
        for label in self.labels:
            if not label.strip() or label != label.strip() or label == NO_GOLD:
                raise ValueError(
                    f"labels: {label!r} is none that a pair could have; spaces around "
                    f"a label are not read, and {NO_GOLD!r} says that there is none"
                )
        if self.right and self.right not in self.labels:
            raise ValueError(f"right {self.right!r} is none of labels {self.labels}")
        if self.dev_share and any(item.split == "dev" for item in self.lists):
            raise ValueError(
                f"dev_share is {self.dev_share}, and there is a dev list: leave one out"
            )
        if self.dev_share == 1.0:
            raise ValueError("dev_share is 1: nothing would be left to train on")
        _demand_distinct(self.lists)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, of whatever kind of data."""
        return LABELS if self.kind == "builtin" else self.labels

    @property
    def answer(self) -> str:
        """The class of a candidate that answers its question; "" for none."""
        return RIGHT if self.kind == "builtin" else self.right


@dataclasses.dataclass(frozen=True)
class PairCorpus:
    """Pairs by purpose.

    Attributes:
      train: with labels.
      general: without; questions and passages of training texts.
      dev: choices may look at these; lists by name.
      test: reported once; lists by name.
      counts: lines read, kept and dropped, by file; printed in reports.

    No pair of `dev` and `test` is in `train` or `general`, and none of `test` in `dev`,
    not even in other case, with other signs or spaces.
    """

    train: list[TextPair]
    general: list[TextPair]
    dev: dict[str, list[TextPair]]
    test: dict[str, list[TextPair]]
    counts: dict[str, dict[str, int]]

    @property
    def general_counts(self) -> dict[str, int]:
        """How many general pairs there are of each kind."""
        return dict(collections.Counter(pair.kind for pair in self.general))


def read_pair_corpus(config: PairDataConfig) -> PairCorpus:
    """Reads all lists, and builds pairs without labels of their training texts.

    Raises:
      ValueError: no root, a missing file, too many bad lines, or nothing to train on;
        names the file.
    """
    counts: dict[str, dict[str, int]] = {}
    lists = _builtin(config) if config.kind == "builtin" else _files(config, counts)
    if config.dev_share:
        lists = _with_dev(lists, config.dev_share)
    kept = without_leaks(lists, _GUARDS, _letters, counts, "pairs")
    by_split: dict[str, dict[str, list[TextPair]]] = {split: {} for split in _GUARDS}
    for (split, name), pairs in kept.items():
        if pairs:
            by_split[split][name] = pairs
    train = [pair for pairs in by_split["train"].values() for pair in pairs]
    if not train:
        raise ValueError(
            "config.data: there is no labelled pair to train on: no list of split "
            "'train', or all that they hold stands in dev or test lists too"
        )
    for (split, name), pairs in lists.items():
        if split == "dev" and pairs and name not in by_split[split]:
            raise ValueError(
                f"config.data: all pairs of dev list {name!r} stand in a test list, too"
            )
    if not by_split["dev"]:
        logging.warning("no dev list: nothing is chosen by how well it does")
    texts = [pair for pairs in by_split["general"].values() for pair in pairs]
    held = {
        _letters(pair)
        for (split, _), pairs in lists.items()
        if split in _GUARDS["general"]
        for pair in pairs
    }
    built = general_pairs([*train, *texts], config.general)
    general = [pair for pair in built if _letters(pair) not in held]
    corpus = PairCorpus(train, general, by_split["dev"], by_split["test"], counts)
    logging.info(
        "pairs: %d with labels, %d general ones (%s)",
        *(len(train), len(general)),
        ", ".join(f"{count} {kind}" for kind, count in corpus.general_counts.items()),
    )
    return corpus


def _demand_distinct(lists: Sequence[PairListConfig]) -> None:
    """Refuses a file that would count twice."""
    there = [(x.split, os.path.normpath(x.path), x.read_part) for x in lists]
    for one in there:
        if there.count(one) > 1:
            raise ValueError(f"lists: {one[1]} stands there twice, of split {one[0]!r}")


def _with_dev(lists: Lists, share: float) -> Lists:
    """The lists, with a dev list drawn of each training list by its first texts."""
    found: Lists = {}
    for (split, name), pairs in lists.items():
        if split != "train":
            found[split, name] = pairs
            continue
        drawn = [share_of(f"dev\x1f{pair.text_a}") < share for pair in pairs]
        for purpose in _DRAWN:
            found[purpose, name] = [
                pair
                for pair, chosen in zip(pairs, drawn, strict=True)
                if chosen == (purpose == "dev")
            ]
    return found


def _letters(pair: TextPair) -> tuple[str, str]:
    """What two pairs share that differ in case, signs and spaces alone."""
    a, b = (
        "".join(c for c in text.casefold() if unicodedata.category(c)[0] in "LMN")
        for text in (pair.text_a, pair.text_b)
    )
    # Of signs alone nothing would be left.
    return a or pair.text_a, b or pair.text_b


def _builtin(config: PairDataConfig) -> Lists:
    few = config.num_questions // 5
    sizes: dict[Split, int] = {"train": config.num_questions, "dev": few, "test": few}
    return {
        (split, "builtin"): made_up_questions(split, count=count, seed=config.seed)
        for split, count in sizes.items()
    }


def _files(config: PairDataConfig, counts: dict[str, dict[str, int]]) -> Lists:
    root = Path(config.root)
    if not config.root or not root.is_dir():
        raise ValueError(
            f"data.root {config.root!r} is not a folder; set it with "
            "--config.data.root=FOLDER"
        )
    demand_there(config.lists, root)
    found: Lists = {}
    for number, item in enumerate(config.lists):
        pairs, report = read_list(item, root, config.labels, config.max_bad_share)
        logging.info("%s", report)
        about = counts.setdefault(f"{item.split}:{item.name}", {"lines": 0, "bad": 0})
        about["lines"] += report.read
        about["bad"] += report.bad
        # A pair may stand in two files: each is an example of its own.
        known = found.setdefault((item.split, item.name), [])
        file = f"{item.split}:{item.name}" + (f"/{number}" if known else "")
        known.extend(
            dataclasses.replace(
                pair, example_id=f"{file}:{pair.example_id}", origin=item.name
            )
            for pair in pairs
        )
    return found
