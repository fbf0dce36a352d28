"""EPIK: a two-stage chain becomes one student that never writes English.

Teacher -> chain -> cache -> student stages -> report, in one run folder (arXiv
2211.14920; its mechanism is not published in full, the readings are settings). What is
finished and still fits is reused.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from epik_jax.bounds import demand
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.legs import Leg, below
from epik_jax.recipes.recipe import Stage, Workplace, run_stages
from epik_jax.recipes.transliteration.corpus import Corpus
from epik_jax.recipes.transliteration.imitation import (
    make_objective,
    make_student_forward,
)
from epik_jax.recipes.transliteration.lessons import Lessons
from epik_jax.recipes.transliteration.matra import (
    MatraConfig,
    matra_vocabulary,
    train_matra,
)
from epik_jax.recipes.transliteration.networks import load_network
from epik_jax.recipes.transliteration.start import demand_start, initial_student
from epik_jax.recipes.transliteration.streams import content_digest, examples_digest
from epik_jax.recipes.transliteration.student import StageConfig, StudentConfig
from epik_jax.recipes.transliteration.teaching import Teaching
from epik_jax.recipes.transliteration.tokens import demand_readable
from epik_jax.recipes.transliteration.transfer import TransferConfig
from epik_jax.recipes.transliteration.validation import for_validation, make_validate
from epik_jax.teachers.forward import Network
from epik_jax.text.normalise import NORMALISER_VERSION

MAX_DISTRIBUTION = 1024
"""Tokens of the largest vocabulary whose distributions a cache keeps."""


@dataclasses.dataclass(frozen=True)
class EpikConfig:
    """The EPIK recipe.

    Attributes:
      teacher: how the teacher is trained where there is none yet.
      transfer: how the chain is asked.
      student: sizes and stages.
      teacher_folder: model folder of a trained teacher; "" trains one.
      more_folders: model folders of further teachers with the same letters; the answers
        of all their chains are mixed, each counting alike.
      more_seeds: of further teachers, trained here as the teacher is.
      student_folder: model folder of a trained student, to be measured as it is; ""
        trains one.
      live_signals: ask the teacher for each batch's large signals instead of caching
        them; small ones are cached either way.
      num_validated: direct names, those for choosing, that a validation decodes.
    """

    teacher: MatraConfig
    transfer: TransferConfig
    student: StudentConfig
    teacher_folder: str = ""
    more_folders: tuple[str, ...] = ()
    more_seeds: tuple[int, ...] = ()
    student_folder: str = ""
    live_signals: bool = False
    num_validated: int = 512

    def __post_init__(self) -> None:
        """Refuses stages that want signals which nobody keeps."""
        demand(self, 1, "num_validated")
        seeds = (self.teacher.seed, *self.more_seeds)
        if len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ValueError(
                f"more_seeds {self.more_seeds} have one twice, one below 0, or the "
                f"teacher's own, {self.teacher.seed}"
            )
        if not self.teacher_folder and self.teacher.vocabulary.kind != "characters":
            _demand_cachable(self, self.teacher.vocabulary.size)
        wanted = self.transfer.wanted
        for stage in self.student.stages:
            where = f"stage {stage.name}"
            if stage.imitation.soft_kl and not wanted.log_probs:
                raise ValueError(f"{where}: soft_kl needs transfer.wanted.log_probs")
            needed = {"none": "", "pooled": "pooled all"}.get(
                stage.imitation.alignment, "all"
            )
            if needed and wanted.hidden not in needed.split():
                raise ValueError(
                    f"{where}: alignment {stage.imitation.alignment!r} needs "
                    f"transfer.wanted.hidden to be {needed.replace(' ', ' or ')}"
                )

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        found: dict[str, Leg] = {}
        if not self.teacher_folder or self.more_seeds:
            found["teacher"] = self.teacher
        if not self.student_folder:
            found |= below("student", self.student.legs)
        return found


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a run has made.

    Attributes:
      corpus: the words.
      teacher: the network that the chain is made of.
      student: the network that replaces the chain.
      bridge: parameters that lead from the student's states to the teacher's.
    """

    corpus: Corpus
    teacher: Network
    student: Network
    bridge: dict[str, Any]


def train_epik(config: EpikConfig, corpus: Corpus, at: Workplace) -> Trained:
    """Trains teacher and student, or reads back what was finished before.

    Raises:
      ValueError: a student that is given does not share the teacher's vocabulary, or
        one that is trained cannot start from the teacher.
    """
    # Before a teacher is trained for hours.
    folder = config.student_folder
    given = load_network(Path(folder), at.mesh) if folder else None
    teacher = _teacher(config, corpus, at)
    if given:
        _demand_one_vocabulary(folder, given, teacher)
        return Trained(corpus, teacher, given, {})
    model = config.student.model.sized(teacher.vocabulary.size)
    start = initial_student(config.student, model, teacher)
    teaching = _teaching(config, corpus, teacher, at)
    lessons = teaching.lessons(config.student.kinds)
    stages = tuple(
        student_stage(stage, config, model, teaching, lessons)
        for stage in config.student.stages
    )
    params = run_stages(stages, start, at)
    student = Network(
        params["student"], model, teacher.vocabulary, teacher.follow_LVV, at.mesh
    )
    return Trained(corpus, teacher, student, params.get("bridge", {}))


def fill_caches(config: EpikConfig, corpus: Corpus, at: Workplace) -> Network:
    """Trains the teacher and caches its answers; returns it, begins no student.

    Raises:
      ValueError: the student that it is for could not start from it.
    """
    teacher = _teacher(config, corpus, at)
    _teaching(config, corpus, teacher, at).lessons(config.student.kinds)
    return teacher


def student_stage(
    stage: StageConfig,
    config: EpikConfig,
    model: TransformerConfig,
    teaching: Teaching,
    lessons: Lessons,
) -> Stage:
    """One stage of the student, ready for the runner."""
    encoded, teacher = lessons.encoded(stage), teaching.teacher
    direct = [e for e in teaching.corpus.names_choosing if "en" not in e.langs]
    chosen = for_validation(direct, config.num_validated)
    return Stage(
        name=stage.name,
        batches=lessons.stream(encoded, stage, model),
        forward=make_student_forward(
            model, teacher.config, stage.imitation, teacher.vocabulary.pad_id
        ),
        objective=make_objective(stage.imitation),
        trainable=stage.trainable,
        optimizer=stage.optimizer,
        loop=stage.loop,
        seed=stage.seed,
        inputs={
            "data": content_digest(encoded),
            "teacher": teaching.digest,
            "vocabulary": teacher.vocabulary.fingerprint,
            "normaliser": NORMALISER_VERSION,
            "model": dataclasses.asdict(model),
            "batches": dataclasses.asdict(stage.batches),
            "imitation": dataclasses.asdict(stage.imitation),
            "start": {"from": config.student.start, "seed": config.student.seed},
        },
        validate=make_validate(model, teacher.vocabulary, chosen),
        validated=examples_digest(chosen),
    )


def _demand_cachable(config: EpikConfig, vocab_size: int) -> None:
    """Refuses to keep a number for every token of many, at every position."""
    if not config.transfer.wanted.log_probs or config.live_signals:
        return
    if vocab_size > MAX_DISTRIBUTION:
        raise ValueError(
            f"transfer.wanted.log_probs keeps whole distributions, which a cache does "
            f"for vocabularies of {MAX_DISTRIBUTION} tokens at most; here there are "
            f"{vocab_size}: ask for hypotheses alone, set live_signals, or train the "
            "teacher on characters"
        )


def _teacher(config: EpikConfig, corpus: Corpus, at: Workplace) -> Network:
    """The teacher; by then the student to be trained is known to be able to start."""
    folder = config.teacher_folder
    given = load_network(Path(folder), at.mesh) if folder else None
    if given:
        _demand_cachable(config, given.vocabulary.size)
    if not config.student_folder:
        # Before it is trained, or asked, for hours.
        vocabulary = (
            given.vocabulary if given else matra_vocabulary(config.teacher, corpus, at)
        )
        theirs = given.config if given else config.teacher.model.sized(vocabulary.size)
        mine = config.student.model.sized(vocabulary.size)
        demand_start(config.student, mine, theirs)
        names = [*corpus.names_choosing, *corpus.names]
        demand_readable(names, vocabulary, mine)
        demand_readable([*corpus.train, *names], vocabulary, theirs)
    return given or train_matra(config.teacher, corpus, at)


def _teaching(
    config: EpikConfig, corpus: Corpus, teacher: Network, at: Workplace
) -> Teaching:
    others = _more_teachers(config, corpus, teacher, at)
    return Teaching(teacher, corpus, config.transfer, config.live_signals, at, others)


def _more_teachers(
    config: EpikConfig, corpus: Corpus, teacher: Network, at: Workplace
) -> tuple[Network, ...]:
    """The crowd beside the teacher.

    Raises:
      ValueError: one has other letters.
    """
    found = []
    for folder in config.more_folders:
        network = load_network(Path(folder), at.mesh)
        if network.vocabulary.fingerprint != teacher.vocabulary.fingerprint:
            raise ValueError(
                f"epik.more_folders {folder}: not the teacher's vocabulary"
            )
        found.append(network)
    for seed in config.more_seeds:
        asked = dataclasses.replace(config.teacher, seed=seed)
        found.append(train_matra(asked, corpus, at, name=f"matra-{seed}"))
    return tuple(found)


def _demand_one_vocabulary(folder: str, student: Network, teacher: Network) -> None:
    if student.vocabulary.fingerprint != teacher.vocabulary.fingerprint:
        raise ValueError(f"epik.student_folder {folder}: not the teacher's vocabulary")
