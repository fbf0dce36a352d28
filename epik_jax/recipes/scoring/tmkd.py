"""TMKD: a crowd of teachers, what it says of pairs, and the student that hears it.

Settings and pairs go in, trained networks come out (arXiv 1910.08381).
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence

import numpy as np

from epik_jax.bounds import within
from epik_jax.recipes.caching import fill_cache
from epik_jax.recipes.pieces import PiecesConfig, build_pieces
from epik_jax.recipes.recipe import Workplace, digest
from epik_jax.recipes.scoring.corpus import PairCorpus, PairDataConfig
from epik_jax.recipes.scoring.crowd import Member, demand_pairs, ready_crowd
from epik_jax.recipes.scoring.crowd_config import CrowdConfig
from epik_jax.recipes.scoring.digests import network_digest, pairs_digest
from epik_jax.recipes.scoring.labels import for_validation, mean_figure
from epik_jax.recipes.scoring.signals import CrowdTeacher, Voices, known_by
from epik_jax.recipes.scoring.start import student_start
from epik_jax.recipes.scoring.student_config import PairStudentConfig
from epik_jax.recipes.scoring.teaching import Lesson, Taught, teach
from epik_jax.structs import TextPair
from epik_jax.text.wordpiece import WordPieces


@dataclasses.dataclass(frozen=True)
class TmkdConfig:
    """The recipe.

    Attributes:
      crowd: the teachers.
      student: how it is taught.
      pieces: what networks read that begin as nothing.
      num_shards: files of the cache.
    """

    crowd: CrowdConfig
    student: PairStudentConfig
    pieces: PiecesConfig = dataclasses.field(default_factory=PiecesConfig)
    num_shards: int = 4

    def __post_init__(self) -> None:
        """Refuses a teacher that is none, and a cache without files."""
        within(self, 1, 1000, "num_shards")
        names = [teacher.name for teacher in self.crowd.used]
        if (wanted := self.student.teacher) and wanted not in names:
            raise ValueError(
                f"student.teacher {wanted!r} is none of crowd.teachers {names}"
            )
        heard = {"all": len(names), "nobody": 0}.get(self.student.plan.heard, 1)
        # Whatever the pieces and classes, which are known later.
        self.student.sized(1, ("0", "1"), heard)


@dataclasses.dataclass(frozen=True)
class Material:
    """What students are taught from.

    Attributes:
      members: the crowd.
      figures: of each on dev lists, as choices are made, by name; none without any.
      corpus: pairs.
      data: how they are labelled.
      pieces: of networks that begin as nothing; None where there are none.
      train: what the crowd says of labelled pairs.
      general: and of general ones; None where they are not asked for.
    """

    members: tuple[Member, ...]
    figures: Mapping[str, float]
    corpus: PairCorpus
    data: PairDataConfig
    pieces: WordPieces | None
    train: Voices
    general: Voices | None


def gather_material(
    config: TmkdConfig,
    corpus: PairCorpus,
    data: PairDataConfig,
    at: Workplace,
    *,
    general: bool,
) -> Material:
    """Trains the crowd and asks it about all pairs, where that was not done before.

    Args:
      config: the recipe.
      corpus: pairs.
      data: how they are labelled.
      at: where.
      general: whether it is asked about general pairs, too.
    """
    demand_pairs(config.crowd, corpus)
    _demand_student_pairs(config.student, corpus, general=general)
    pieces = None
    if _needs_pieces(config):
        pairs = [*corpus.train, *corpus.general]
        texts = [text.split() for p in pairs for text in (p.text_a, p.text_b)]
        pieces = build_pieces(config.pieces, texts, at)
    members = ready_crowd(config.crowd, corpus, data, pieces, at)
    chosen = for_validation(corpus.dev, config.student.num_validated)
    figures = {}
    for member in members if chosen else ():
        probs = {name: member.network.probs(pairs) for name, pairs in chosen.items()}
        figures[member.name] = mean_figure(probs, chosen, data.classes, data.answer)
        logging.info("teacher %s on dev: %.1f", member.name, 100 * figures[member.name])
    asked = [*corpus.train, *(corpus.general if general else ())]
    voices = _voices(members, asked, config.num_shards, at, general=general)
    count = len(corpus.train)
    return Material(
        members,
        figures,
        corpus,
        data,
        pieces,
        Voices(voices.logits[:count], voices.asked[:count]),
        Voices(voices.logits[count:], voices.asked[count:]) if general else None,
    )


def train_students(
    config: PairStudentConfig,
    material: Material,
    at: Workplace,
    *,
    prefix: str = "student",
) -> dict[str, Taught]:
    """The student by the name "", or one of each teacher by theirs.

    Args:
      config: how it is taught.
      material: from what.
      at: where.
      prefix: of the stages' names.
    """
    if config.plan.heard != "each":
        return {"": _student(config, material, at, prefix)}
    return {
        member.name: _student(
            dataclasses.replace(config, teacher=member.name),
            material,
            at,
            f"{prefix}-{member.name}",
        )
        for member in material.members
    }


def _student(
    config: PairStudentConfig, material: Material, at: Workplace, prefix: str
) -> Taught:
    names = [member.name for member in material.members]
    place = names.index(config.teacher) if config.teacher else 0
    figures = [material.figures.get(name, 0.0) for name in names]
    if config.soft.weighing == "accuracy" and not material.figures:
        raise ValueError("soft.weighing is 'accuracy', and there is no dev list")
    heard = {
        "nobody": lambda voices: None,
        "one": lambda voices: voices.of(place),
        "each": lambda voices: voices.of(place),
        "averaged": Voices.averaged,
        "all": lambda voices: voices,
    }[config.plan.heard]
    if config.plan.heard != "all":
        figures = figures[place : place + 1]
    corpus, data = material.corpus, material.data
    general = None
    if config.plan.general and not config.start_folder:
        assert material.general is not None
        general = Lesson(corpus.general, heard(material.general))
    network = material.members[place].network
    return teach(
        config,
        data.classes,
        student_start(config, network, material.pieces),
        general,
        Lesson(corpus.train, heard(material.train)),
        figures,
        corpus.dev,
        data.answer,
        at,
        prefix=prefix,
    )


def wants_general(config: PairStudentConfig) -> bool:
    """Whether teachers have to be asked about general pairs."""
    return config.plan.general and not config.start_folder


def _needs_pieces(config: TmkdConfig) -> bool:
    """Whether anything begins as nothing."""
    student = config.student
    drawn = student.start == "random" and not student.start_folder
    return drawn or any(
        not teacher.folder and not teacher.start_folder for teacher in config.crowd.used
    )


def _voices(
    members: Sequence[Member],
    pairs: Sequence[TextPair],
    num_shards: int,
    at: Workplace,
    *,
    general: bool,
) -> Voices:
    teacher = CrowdTeacher(tuple(members))
    fingerprint = {
        **{f"teacher {m.name}": network_digest(m.network) for m in members},
        "lists": digest({member.name: list(member.lists) for member in members}),
        "pieces": digest([member.network.pieces.fingerprint for member in members]),
        "data": pairs_digest({"asked": pairs}),
        "schema": teacher.schema.fingerprint,
    }
    cache = fill_cache(
        at.folder / "cache" / ("general" if general else "task"),
        teacher,
        pairs,
        fingerprint,
        num_shards,
        lambda: at.stop.obey("stopped while the teachers were asked"),
    )
    found = cache.join(*known_by(pairs), ("logits", "asked"))
    logits, asked = found["logits"], found["asked"]
    assert isinstance(logits, np.ndarray) and isinstance(asked, np.ndarray)
    return Voices(logits, asked)


def _demand_student_pairs(
    student: PairStudentConfig, corpus: PairCorpus, *, general: bool
) -> None:
    """Notices before anything is trained that a batch holds more than there is."""
    legs = [("task", student.task, len(corpus.train))]
    if general and student.general:
        legs.append(("general", student.general, len(corpus.general)))
    for name, leg, there in legs:
        if leg.batches.batch_size > there:
            raise ValueError(
                f"student.{name}: batch_size is {leg.batches.batch_size}, and there "
                f"are {there} pairs"
            )
