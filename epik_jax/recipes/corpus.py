"""The words of a transliteration run: read, guarded against leaks, split by purpose.

Settings go in, examples come out: what is trained on, what choices are made on, what is
reported on. Nothing is encoded here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from epik_jax.bounds import LARGEST_SEED, demand, within
from epik_jax.data.builtin import builtin_examples, builtin_train
from epik_jax.data.leak import leak_guard, native_words
from epik_jax.data.pairs import WordPair, directed_examples, grouped_examples
from epik_jax.data.rows import RowReport
from epik_jax.recipes.word_lists import ListConfig, demand_there, read_list
from epik_jax.structs import Example

Romanisations: TypeAlias = dict[tuple[str, str], tuple[tuple[str, int], ...]]

CHOOSING_SHARE = 5
"""One in this many keys of the parallel names is for choosing, the rest for reports."""


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Where the words come from.

    Attributes:
      kind: the corpus that ships, or files.
      root: folder of the files.
      lists: the files.
      by_writers: training pairs weigh by how many writers gave them, where a list
        says so; see `directed_examples`.
      max_length: longest word taken, in code points.
      max_bad_share: share of bad rows at which a file is refused.
      num_synthetic: words that the built-in generator makes for training.
      seed: of that generator.
    """

    kind: Literal["builtin", "files"]
    root: str = ""
    lists: tuple[ListConfig, ...] = ()
    by_writers: bool = False
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
      dev: choices may look at these; one example a source with all its answers, none
        of them with a native word of a test list.
      test: reported once; lists by name, such as "dakshina/hi".
      names_choosing: direct names for choosing; none of their native words is among
        the reported.
      names: direct names for reports, all ordered language pairs.
      counts: rows read, kept and dropped, by file; printed in reports.
    """

    train: list[Example]
    romanisations: Romanisations
    dev: list[Example]
    test: dict[str, list[Example]]
    names_choosing: list[Example]
    names: list[Example]
    counts: dict[str, dict[str, int]]


def name_key(example: Example) -> str:
    """The English form of a parallel name, on either side or as the pivot."""
    if example.source_lang == "en":
        return example.source
    return example.pivot or example.targets[0]


def for_choosing(key: str) -> bool:
    """Whether the name with this English form is for choosing."""
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % CHOOSING_SHARE == 0


def split_names(
    names: Sequence[Example],
) -> tuple[list[Example], list[Example], int]:
    """Direct names for choosing, those for reports, and how many are in neither.

    One native word may stand for two English names, one on either side of the split:
    it is then left to the reports alone.
    """
    reported = [e for e in names if not for_choosing(name_key(e))]
    choosing = [e for e in names if for_choosing(name_key(e))]
    choosing, dropped = leak_guard(choosing, {"names": native_words(reported)})
    return choosing, reported, dropped["names"]


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
    leaks = {f"leaks {name}": n for name, n in dropped.items() if n}
    logging.info("built-in corpus: training examples left out: %s", dropped)
    direct = {s: [e for e in made[s] if "en" not in _sides(e)] for s in made}
    pivoted = {s: [e for e in made[s] if "en" in _sides(e)] for s in made}
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
        counts={
            split: {"examples": len(made[split]), **(leaks if split == "train" else {})}
            for split in made
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


def _sides(example: Example) -> tuple[str, str]:
    return example.source_lang, example.target_lang


def _from_files(config: DataConfig) -> Corpus:
    counts: dict[str, dict[str, int]] = {}
    pairs: dict[tuple[str, str, str], list[WordPair]] = {}
    names: list[Example] = []
    held: dict[str, set[str]] = {}
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
            pairs.setdefault((item.split, read.name, item.lang), []).extend(read.pairs)
        elif item.split == "names":
            names += read.names
        else:
            held.setdefault("held:parallel", set()).update(native_words(read.names))
        for path, report in read.reports.items():
            counts[path] = _counted(report)
    return _split(pairs, names, held, counts, config.by_writers)


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
    pairs: dict[tuple[str, str, str], list[WordPair]],
    names: list[Example],
    held: dict[str, set[str]],
    counts: dict[str, dict[str, int]],
    by_writers: bool,
) -> Corpus:
    for (split, kind, lang), rows in pairs.items():
        if split != "train":
            held.setdefault(f"{split}:{kind}/{lang}", set()).update(
                row.native for row in rows
            )
    held["names"] = {w for e in names for w in (e.source, *e.targets)}
    tests = {name: words for name, words in held.items() if name.startswith("test:")}
    guards = {"train": held, "dev": tests}
    kept = {
        key: _guarded(key, rows, guards[key[0]], counts) if key[0] in guards else rows
        for key, rows in pairs.items()
    }
    train = [(key[2], rows) for key, rows in kept.items() if key[0] == "train"]
    grouped = {
        key: grouped_examples(rows, key[2])
        for key, rows in kept.items()
        if key[0] in ("dev", "test")
    }
    choosing, reported, dropped = split_names(names)
    counts["names"] = {
        "choosing": len(choosing),
        "reported": len(reported),
        "leaks names": dropped,
    }
    return Corpus(
        train=[
            example
            for lang, rows in train
            for example in directed_examples(rows, lang, by_writers=by_writers)
        ],
        romanisations=_romanisations(
            (lang, row.native, row.latin, row.count)
            for lang, rows in train
            for row in rows
        ),
        dev=[e for key, rows in grouped.items() if key[0] == "dev" for e in rows],
        test={f"{k[1]}/{k[2]}": rows for k, rows in grouped.items() if k[0] == "test"},
        names_choosing=choosing,
        names=reported,
        counts=counts,
    )


def _guarded(
    key: tuple[str, str, str],
    rows: list[WordPair],
    held: dict[str, set[str]],
    counts: dict[str, dict[str, int]],
) -> list[WordPair]:
    """Pairs of a list without the words that must not be seen there; counts them."""
    split, kind, lang = key
    kept, dropped = leak_guard(rows, held)
    logging.info(
        "%s %s/%s: %d of %d pairs dropped, their words are held out",
        *(split, kind, lang, len(rows) - len(kept), len(rows)),
    )
    leaks = {f"leaks {name}": n for name, n in dropped.items() if n}
    counts[f"{split}:{kind}/{lang}"] = {"read": len(rows), "kept": len(kept), **leaks}
    return kept
