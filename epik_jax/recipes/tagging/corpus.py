"""The sentences of a tagging run: read, guarded against leaks, split by purpose.

Settings go in, sentences come out: what is trained on with its tags and without, what
choices are made on, what is reported on. Nothing is cut into pieces here.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Literal

from epik_jax.bounds import LARGEST_SEED, demand, within
from epik_jax.data.conll import OUTSIDE, TYPES, known_tag
from epik_jax.data.draw import drawn, share_by_words
from epik_jax.data.templates import template_sentences
from epik_jax.recipes.tagging.guard import Lists, guarded
from epik_jax.recipes.tagging.tagged_lists import (
    TaggedListConfig,
    demand_there,
    read_list,
)
from epik_jax.structs import Sentence
from epik_jax.text.scripts import LANGUAGES


@dataclasses.dataclass(frozen=True)
class TaggedDataConfig:
    """Where the sentences come from.

    Attributes:
      kind: the corpus that ships, or files.
      root: folder of the files.
      lists: the files.
      task: whether words are tagged or sentences labelled.
      types: entity types; words of others are outside words.
      classes: labels of sentences, where these are labelled; those of the corpus that
        ships are `types`, by the first entity of a sentence, and "none".
      langs: languages that are used; empty for all.
      labelled_share: share of the training sentences that keep their tags; the others
        are among the unlabelled.
      max_bad_share: share of bad lines at which a file is refused.
      num_sentences: of the corpus that ships, training sentences a language.
      seed: of that corpus.
    """

    kind: Literal["builtin", "files"] = "builtin"
    root: str = ""
    lists: tuple[TaggedListConfig, ...] = ()
    task: Literal["words", "sentences"] = "words"
    types: tuple[str, ...] = TYPES
    classes: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    labelled_share: float = 1.0
    max_bad_share: float = 0.01
    num_sentences: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing, and files that nobody would read."""
        demand(self, 5, "num_sentences")
        within(self, 0.0, 1.0, "labelled_share", "max_bad_share")
        within(self, 0, LARGEST_SEED, "seed")
        if not all(self.types) or len(set(self.types)) < max(len(self.types), 1):
            raise ValueError(f"types {self.types} are none, or have one twice")
        if self.kind == "builtin" and self.classes:
            raise ValueError(
                "kind 'builtin' names its classes itself, by data.types: leave classes "
                "out"
            )
        self._demand_lists()
        if self.kind == "files" and (self.task == "sentences") != bool(self.classes):
            raise ValueError(
                f"task is {self.task!r} and classes are {self.classes}: sentences need "
                "them, words have none"
            )
        wanted, what = {
            "words": (("conll", "tfds"), ".conll files or prepared sets"),
            "sentences": (("tsv",), ".tsv files"),
        }[self.task]
        for item in self.lists:
            if item.layout not in (*wanted, "txt"):
                raise ValueError(
                    f"list {item.name}: {item.path} is not for task {self.task!r}, "
                    f"which reads {what}"
                )
        if self.kind == "builtin" and (self.root or self.lists):
            raise ValueError(
                "kind 'builtin' reads neither root nor lists: set kind to 'files'"
            )
        if self.kind == "builtin" and (odd := set(self.langs) - set(LANGUAGES)):
            raise ValueError(
                f"langs: there is no {min(odd)!r} in the corpus that ships, there are "
                f"{', '.join(LANGUAGES)}"
            )

    def _demand_lists(self) -> None:
        langs: dict[str, str] = {}
        for item in self.lists:
            if langs.setdefault(item.name, item.lang) != item.lang:
                raise ValueError(
                    f"list {item.name}: it is in {langs[item.name]!r} and in "
                    f"{item.lang!r}; give one of them another name"
                )

    @property
    def used(self) -> tuple[TaggedListConfig, ...]:
        """The lists that are in languages that are used."""
        langs = self.langs
        return tuple(x for x in self.lists if not langs or x.lang in langs)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, of a word or of a sentence."""
        if self.task == "sentences":
            return self.classes or ("none", *self.types)
        tags = (f"{mark}-{kind}" for kind in self.types for mark in "BI")
        return (OUTSIDE, *tags)


@dataclasses.dataclass(frozen=True)
class TaggedCorpus:
    """Sentences by purpose.

    Attributes:
      train: with tags.
      unlabelled: without; none of them is in `train`.
      dev: choices may look at these; lists by name.
      test: reported once; lists by name.
      counts: lines read, kept and dropped, by file; printed in reports.

    No sentence of `dev` and `test` is in `train` or `unlabelled`, word for word, and
    none of `test` in `dev`.
    """

    train: list[Sentence]
    unlabelled: list[Sentence]
    dev: dict[str, list[Sentence]]
    test: dict[str, list[Sentence]]
    counts: dict[str, dict[str, int]]

    @property
    def transfer(self) -> list[Sentence]:
        """All that a teacher is asked about, without tags."""
        return [*(bare(s) for s in self.train), *self.unlabelled]

    def dev_beside(self, num_validated: int) -> dict[str, list[Sentence]]:
        """Dev sentences that are not among the `num_validated` that choose.

        A list of which none is left is left out.
        """
        chosen = (drawn(found, num_validated) for found in self.dev.values())
        ids = {s.example_id for found in chosen for s in found}
        rest = {
            name: [s for s in found if s.example_id not in ids]
            for name, found in self.dev.items()
        }
        return {name: found for name, found in rest.items() if found}

    @property
    def langs(self) -> tuple[str, ...]:
        """Languages of what is trained on."""
        return tuple(sorted({s.lang for s in (*self.train, *self.unlabelled)}))


def bare(sentence: Sentence) -> Sentence:
    """The sentence without its tags and its label."""
    return dataclasses.replace(sentence, tags=(), label="")


def read_tagged_corpus(config: TaggedDataConfig) -> TaggedCorpus:
    """Reads all lists.

    What stands in a test list is left out of all others, and what stands in a dev list
    out of what is trained on, however it is cut into words: published sets repeat up to
    a seventh of their sentences.

    Raises:
      ValueError: no root, a missing file, too many bad lines, or nothing to train on;
        names the file.
    """
    counts: dict[str, dict[str, int]] = {}
    lists = _builtin(config) if config.kind == "builtin" else _files(config, counts)
    lists = guarded(lists, counts)
    train: list[Sentence] = []
    unlabelled: list[Sentence] = []
    parts: dict[str, dict[str, list[Sentence]]] = {"dev": {}, "test": {}}
    for (split, name), found in lists.items():
        if split in parts and found:
            parts[split][name] = found
        for sentence in found if split == "train" else ():
            keeps = share_by_words(sentence, "labels") < config.labelled_share
            (train if keeps else unlabelled).append(sentence)
        if split == "unlabelled":
            unlabelled += found
    _demand_labels(train, lists, config)
    logging.info("sentences: %d tagged, %d without tags", len(train), len(unlabelled))
    if not parts["dev"]:
        logging.warning(
            "no dev list: what learns labels is not validated, whatever patience and "
            "keep_best say, and ends as it is after its last step"
        )
    return TaggedCorpus(train, [bare(s) for s in unlabelled], **parts, counts=counts)


def _demand_labels(
    train: list[Sentence], lists: Lists, config: TaggedDataConfig
) -> None:
    """Notices before hours of training that there is nothing to learn."""
    if not train:
        given = [found for (split, _), found in lists.items() if split == "train"]
        told = ", all that train lists hold stands in dev or test lists too"
        if not given:
            told = ": no list of split 'train'"
        elif any(given):
            told = f": labelled_share {config.labelled_share} leaves none"
        raise ValueError(f"config.data: there is no tagged sentence to train on{told}")
    if config.task == "words" and not any(set(s.tags) - {OUTSIDE} for s in train):
        raise ValueError(
            f"config.data.types {config.types}: no training sentence has an entity of "
            "these types"
        )


def _builtin(config: TaggedDataConfig) -> Lists:
    sizes = {"train": config.num_sentences}
    sizes |= dict.fromkeys(("dev", "test"), config.num_sentences // 5)
    langs = config.langs or LANGUAGES
    return {
        (split, f"builtin/{lang}"): [
            _for_task(dataclasses.replace(s, origin=f"builtin/{lang}"), config)
            for s in template_sentences(
                split, count=count, seed=config.seed, langs=(lang,)
            )
        ]
        for split, count in sizes.items()
        for lang in langs
    }


def _for_task(sentence: Sentence, config: TaggedDataConfig) -> Sentence:
    """The sentence with the tags that are wanted, or its first entity as its label."""
    tags = tuple(known_tag(tag, config.types) for tag in sentence.tags)
    if config.task == "words":
        return dataclasses.replace(sentence, tags=tags)
    kinds = [tag[2:] for tag in tags if tag.startswith("B-")]
    return dataclasses.replace(sentence, tags=(), label=(kinds or ["none"])[0])


def _files(config: TaggedDataConfig, counts: dict[str, dict[str, int]]) -> Lists:
    root = Path(config.root)
    if not config.root or not root.is_dir():
        raise ValueError(
            f"data.root {config.root!r} is not a folder; set it with "
            "--config.data.root=FOLDER"
        )
    demand_there(config.used, root)
    found: Lists = {}
    for number, item in enumerate(config.used):
        read, report = read_list(
            item,
            root,
            types=config.types,
            classes=config.classes,
            max_bad_share=config.max_bad_share,
        )
        logging.info("%s", report)
        about = counts.setdefault(f"{item.split}:{item.name}", {"lines": 0, "bad": 0})
        about["lines"] += report.read
        about["bad"] += report.bad
        # One sentence may stand in two files: each is an example of its own.
        known = found.setdefault((item.split, item.name), [])
        file = f"{item.split}:{item.name}" + (f"/{number}" if known else "")
        known.extend(
            dataclasses.replace(
                s, example_id=f"{file}:{s.example_id}", origin=item.name
            )
            for s in read
        )
    return found
