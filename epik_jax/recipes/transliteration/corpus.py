"""The words of a transliteration run: read, guarded against leaks, split by purpose.

Settings go in, examples come out: what is trained on, what choices are made on, what is
reported on. Nothing is encoded here.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal, TypeAlias

from epik_jax.bounds import LARGEST_SEED, demand, within
from epik_jax.data.builtin import builtin_examples, builtin_train
from epik_jax.data.leak import leak_guard, native_words
from epik_jax.data.pairs import WordPair, directed_examples, grouped_examples
from epik_jax.data.rows import RowReport
from epik_jax.recipes.transliteration.names import split_names
from epik_jax.recipes.transliteration.word_lists import (
    ListConfig,
    demand_there,
    read_list,
)
from epik_jax.structs import Example

Romanisations: TypeAlias = dict[tuple[str, str], tuple[tuple[str, int], ...]]


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Where the words come from.

    Attributes:
      kind: the corpus that ships, or files.
      root: folder of the files.
      lists: the files.
      by_writers: training pairs weigh by how many writers gave them, where a list
        says so; see `directed_examples`.
      apart: lists of direct names, by their names, that are reported by themselves
        alone and chosen by not at all.
      max_length: longest word taken, in code points.
      max_bad_share: share of bad rows at which a file is refused.
      num_synthetic: words that the built-in generator makes for training.
      seed: of that generator.
    """

    kind: Literal["builtin", "files"]
    root: str = ""
    lists: tuple[ListConfig, ...] = ()
    by_writers: bool = False
    apart: tuple[str, ...] = ()
    max_length: int = 32
    max_bad_share: float = 0.01
    num_synthetic: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing."""
        demand(self, 1, "max_length")
        demand(self, 0, "num_synthetic")
        within(self, 0.0, 1.0, "max_bad_share")
        within(self, 0, LARGEST_SEED, "seed")
        if self.kind == "builtin" and (self.root or self.lists):
            raise ValueError(
                "kind 'builtin' reads neither root nor lists: set kind to 'files'"
            )


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Examples by purpose.

    Attributes:
      train: native to English and back, one example a pair.
      romanisations: (language, native training word) -> its attested Latin forms with
        how many writers gave each, most frequent first.
      dev: choices may look at these; one example a source with all its answers.
      test: reported once; lists by name, such as "dakshina/hi".
      names_choosing: direct names for choosing.
      names: direct names for reports, all ordered language pairs.
      held: name of each list that is not trained on -> its native words.
      apart: lists, by their names, whose direct names count in the figures by list
        alone.
      counts: rows read, kept and dropped, by file; printed in reports.

    No native word of what is reported is in `dev` or in `names_choosing`.
    """

    train: list[Example]
    romanisations: Romanisations
    dev: list[Example]
    test: dict[str, list[Example]]
    names_choosing: list[Example]
    names: list[Example]
    held: Mapping[str, AbstractSet[str]]
    apart: tuple[str, ...]
    counts: dict[str, dict[str, int]]


@dataclasses.dataclass(frozen=True)
class _List:
    """A word list by its purpose ("train"), data set ("dakshina") and language."""

    split: str
    data_set: str
    lang: str

    @property
    def name(self) -> str:
        """As in reports: "dakshina/hi"."""
        return f"{self.data_set}/{self.lang}"

    def __str__(self) -> str:
        """As in counts and among what is held out: "train:dakshina/hi"."""
        return f"{self.split}:{self.name}"


def read_corpus(config: DataConfig) -> Corpus:
    """Reads all lists.

    Raises:
      ValueError: no root, a missing file, or too many bad rows; names the file.
    """
    if config.kind == "builtin":
        return _builtin(config)
    if not config.root or not Path(config.root).is_dir():
        raise ValueError(
            f"data.root {config.root!r} is not a folder; set it with "
            "--config.data.root=FOLDER"
        )
    return _from_files(config)


def _builtin(config: DataConfig) -> Corpus:
    train, dropped = builtin_train(config.seed, config.num_synthetic)
    made = {
        "train": train,
        "dev": builtin_examples("dev", seed=config.seed, num_synthetic=0),
        "test": builtin_examples("test", seed=config.seed, num_synthetic=0),
    }
    logging.info("built-in corpus: training examples left out: %s", dropped)
    direct = {s: [e for e in made[s] if "en" not in e.langs] for s in made}
    pivoted = {s: [e for e in made[s] if "en" in e.langs] for s in made}
    return Corpus(
        train=pivoted["train"],
        romanisations=_romanisations(
            (e.source_lang, e.source, latin, 1)
            for e in pivoted["train"]
            if e.target_lang == "en"
            for latin in e.targets
        ),
        dev=pivoted["dev"],
        test={"builtin": pivoted["test"]},
        names_choosing=direct["dev"],
        names=direct["test"],
        held={split: native_words(made[split]) for split in ("dev", "test")},
        apart=(),
        counts={
            split: {"examples": len(made[split]), **_leaks(found)}
            for split, found in {"train": dropped, "dev": {}, "test": {}}.items()
        },
    )


def _romanisations(rows: Iterable[tuple[str, str, str, int]]) -> Romanisations:
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for lang, native, latin, count in rows:
        found = counts.setdefault((lang, native), {})
        found[latin] = found.get(latin, 0) + count
    return {
        word: tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))
        for word, found in counts.items()
    }


def _from_files(config: DataConfig) -> Corpus:
    counts: dict[str, dict[str, int]] = {}
    pairs: dict[_List, list[WordPair]] = {}
    names: list[Example] = []
    held: dict[str, AbstractSet[str]] = {}
    root = Path(config.root)
    demand_there(config.lists, root)
    for item in config.lists:
        read = read_list(
            item,
            root,
            max_length=config.max_length,
            max_bad_share=config.max_bad_share,
        )
        if item.format != "parallel":
            one = _List(item.split, read.name, item.lang)
            pairs.setdefault(one, []).extend(read.pairs)
        elif item.split == "names":
            names += read.names
        else:
            before = held.get("held:parallel", frozenset())
            held["held:parallel"] = before | native_words(read.names)
        for path, report in read.reports.items():
            counts[path] = _counted(report)
    return _split(pairs, names, held, counts, config)


def _counted(report: RowReport) -> dict[str, int]:
    """What became of the rows of a file; says it, too."""
    logging.info("%s", report)
    for first in report.firsts:
        logging.info("  %s", first)
    return {
        "read": report.read,
        "kept": report.kept,
        **report.dropped,
        **report.causes,
    }


def _split(
    pairs: dict[_List, list[WordPair]],
    names: list[Example],
    held: dict[str, AbstractSet[str]],
    counts: dict[str, dict[str, int]],
    config: DataConfig,
) -> Corpus:
    for one, rows in pairs.items():
        if one.split != "train":
            held[str(one)] = native_words(rows)
    choosing, reported = split_names(names)
    tests = {name: words for name, words in held.items() if name.startswith("test:")}
    judged = {**tests, "names": native_words(reported)}
    held["names"] = native_words(names)
    guards = {"train": held, "dev": judged}
    kept = {
        one: _guarded(one, rows, guards[one.split], counts)
        if one.split in guards
        else rows
        for one, rows in pairs.items()
    }
    train = [(one.lang, rows) for one, rows in kept.items() if one.split == "train"]
    grouped = {
        one: grouped_examples(rows, one.lang)
        for one, rows in kept.items()
        if one.split in ("dev", "test")
    }
    choosing = [e for e in choosing if e.origin not in config.apart]
    choosing, _ = leak_guard(choosing, tests)
    counts["names"] = {
        "choosing": len(choosing),
        "reported": len(reported),
        "in neither": len(names) - len(choosing) - len(reported),
    }
    return Corpus(
        train=[
            example
            for lang, rows in train
            for example in directed_examples(rows, lang, by_writers=config.by_writers)
        ],
        romanisations=_romanisations(
            (lang, row.native, row.latin, row.count)
            for lang, rows in train
            for row in rows
        ),
        dev=[e for one, rows in grouped.items() if one.split == "dev" for e in rows],
        test={one.name: rows for one, rows in grouped.items() if one.split == "test"},
        names_choosing=choosing,
        names=reported,
        held=held,
        apart=config.apart,
        counts=counts,
    )


def _guarded(
    one: _List,
    rows: list[WordPair],
    held: Mapping[str, AbstractSet[str]],
    counts: dict[str, dict[str, int]],
) -> list[WordPair]:
    """Pairs of a list without the words that must not be seen there; counts them."""
    kept, dropped = leak_guard(rows, held)
    logging.info(
        "%s %s: %d of %d pairs dropped, their words are held out",
        *(one.split, one.name, len(rows) - len(kept), len(rows)),
    )
    found = {"read": len(rows), "kept": len(kept), **_leaks(dropped)}
    counts[str(one)] = found
    return kept


def _leaks(dropped: Mapping[str, int]) -> dict[str, int]:
    return {f"leaks {name}": n for name, n in dropped.items() if n}
