"""TMKD: a crowd of teachers, what it says of pairs, and the student that hears it.

Settings and pairs go in, trained networks come out (arXiv 1910.08381).
"""

from __future__ import annotations

import collections
import dataclasses
import logging
from collections.abc import Mapping

from epik_jax.bounds import within
from epik_jax.recipes.legs import Leg, below
from epik_jax.recipes.pieces import PiecesConfig, build_pieces
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring.corpus import PairCorpus, PairDataConfig
from epik_jax.recipes.scoring.crowd import (
    Member,
    demand_pairs,
    networks_there,
    ready_crowd,
)
from epik_jax.recipes.scoring.crowd_config import CrowdConfig, TeacherConfig
from epik_jax.recipes.scoring.labels import for_validation, mean_figure
from epik_jax.recipes.scoring.signals import Voices, gather_voices
from epik_jax.recipes.scoring.start import (
    demand_blocks,
    demand_matches,
    demand_start,
    student_start,
)
from epik_jax.recipes.scoring.student_config import PairStudentConfig
from epik_jax.recipes.scoring.teaching import Lesson, Taught, teach
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
        weights = self.student.soft.weights
        if weights and heard and len(weights) != heard:
            raise ValueError(
                f"student.soft.weights {weights} are not one for each of {heard} voices"
            )
        for teacher in self.crowd.used:
            if teacher.name == (self.student.teacher or teacher.name):
                _demand_beginning(self.student, teacher)

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        return below("crowd", self.crowd.legs) | below("student", self.student.legs)


def _demand_beginning(student: PairStudentConfig, teacher: TeacherConfig) -> None:
    """Notices early that a student cannot begin as a teacher that is trained here."""
    if student.start not in ("teacher", "encoder") or student.general_folder:
        return
    if student.start == "encoder" and not (teacher.masked or teacher.start_folder):
        raise ValueError(
            f"student.start is 'encoder', and nothing is known of teacher "
            f"{teacher.name} before it learnt labels: set it to 'teacher'"
        )
    if not teacher.folder:
        demand_matches(student.matches, teacher.matches)
    if not teacher.folder and not teacher.start_folder:
        demand_blocks(student.encoder, teacher.model.sized(1))


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

    @property
    def best(self) -> str:
        """The teacher that does best on dev lists; the first where there are none."""
        known = self.figures
        return max(known, key=known.__getitem__) if known else self.members[0].name

    def member(self, name: str) -> Member:
        """The teacher of a name."""
        return next(one for one in self.members if one.name == name)

    def heard(self, student: PairStudentConfig) -> dict[str, int]:
        """How many general pairs of each kind a student of such settings hears."""
        if not student.wants_general:
            return {}
        pairs = self.corpus.general[: student.num_general or None]
        return dict(collections.Counter(pair.kind for pair in pairs))


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
    there = networks_there(config.crowd, data, at)
    demand_start(config.student, data.classes, there)
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
        said = {name: member.network.log_probs(some) for name, some in chosen.items()}
        figures[member.name] = mean_figure(said, chosen, data.classes, data.answer)
        logging.info("teacher %s on dev: %.1f", member.name, 100 * figures[member.name])
    asked = (config.num_shards, at)
    train = gather_voices(members, corpus.train, "train", *asked)
    others = None
    if general:
        others = gather_voices(members, corpus.general, "general", *asked)
    return Material(members, figures, corpus, data, pieces, train, others)


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
    figures = [material.figures.get(name, 0.0) for name in names]
    place = names.index(config.teacher or material.best)
    if config.plan.heard == "one":
        config = dataclasses.replace(config, teacher=names[place])
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
    if config.wants_general:
        assert material.general is not None
        count = config.num_general or len(corpus.general)
        told = heard(material.general.first(count))
        general = Lesson(corpus.general[:count], told)
    teacher, classes = material.members[place], data.classes
    return teach(
        config,
        classes,
        student_start(config, teacher, corpus, classes, material.pieces, at),
        general,
        Lesson(corpus.train, heard(material.train)),
        figures,
        corpus.dev,
        data.answer,
        at,
        prefix=prefix,
    )


def read_lengths(config: TmkdConfig) -> dict[str, int]:
    """Most pieces that networks read, as far as settings say it, by name."""
    told = {t.name: t.model.max_length for t in config.crowd.used if not t.folder}
    return {**told, "student": config.student.max_length}


def _needs_pieces(config: TmkdConfig) -> bool:
    """Whether anything begins as nothing."""
    student = config.student
    drawn = student.start == "random" and not student.general_folder
    return drawn or any(
        not teacher.folder and not teacher.start_folder for teacher in config.crowd.used
    )


def _demand_student_pairs(
    student: PairStudentConfig, corpus: PairCorpus, *, general: bool
) -> None:
    """Notices before anything is trained what a student lacks."""
    if student.soft.weighing == "accuracy" and not corpus.dev:
        raise ValueError(
            "student.soft.weighing is 'accuracy', and there is no dev list"
        )
    num_train, num_general = len(corpus.train), len(corpus.general)
    there = {"masked": num_train + num_general, "task": num_train}
    if general:
        if student.num_general > num_general:
            raise ValueError(
                f"student.num_general is {student.num_general}, and there are "
                f"{num_general} general pairs"
            )
        there["general"] = student.num_general or num_general
    for name, leg in student.legs.items():
        if name in there and leg.batches.batch_size > there[name]:
            raise ValueError(
                f"student.{name}: batch_size is {leg.batches.batch_size}, and there "
                f"are {there[name]} pairs"
            )
