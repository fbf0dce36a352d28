"""XtremeDistil: a teacher, what it says of sentences, and the student that learns it.

Settings and sentences go in, trained networks come out (arXiv 2004.05686).
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from epik_jax.interop.model_folder import load_labeller
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.tagging.corpus import TaggedCorpus
from epik_jax.recipes.tagging.curriculum import Material, train_student
from epik_jax.recipes.tagging.pieces import PiecesConfig, build_pieces
from epik_jax.recipes.tagging.strategies import BY_LANGUAGE
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.recipes.tagging.teacher import TeacherConfig, train_teacher
from epik_jax.recipes.tagging.teaching import SignalsConfig, gather_material
from epik_jax.teachers.labelling import LabellingNetwork


@dataclasses.dataclass(frozen=True)
class XtremeDistilConfig:
    """The recipe.

    Attributes:
      teacher: how it is trained.
      student: how it is taught.
      pieces: what a teacher that is trained here reads.
      teacher_folder: model folder of a finished teacher, which is not trained then; ""
        trains one.
      signals: how the student gets at what the teacher says.
    """

    teacher: TeacherConfig
    student: TaggingStudentConfig
    pieces: PiecesConfig = dataclasses.field(default_factory=PiecesConfig)
    teacher_folder: str = ""
    signals: SignalsConfig = dataclasses.field(default_factory=SignalsConfig)

    def __post_init__(self) -> None:
        """Refuses a student that the teacher to be trained here cannot teach."""
        if self.teacher_folder:
            return
        model, widest = self.teacher.model, self.student.batches.widths[-1]
        if self.student.layer > model.layers:
            raise ValueError(
                f"student.layer is {self.student.layer}, and the teacher has "
                f"{model.layers} above its embedding"
            )
        if widest < model.max_length:
            raise ValueError(
                f"the student's widest batches hold {widest} pieces, and the teacher "
                f"reads {model.max_length}: give student.batches.widths up to that"
            )


@dataclasses.dataclass(frozen=True)
class Distilled:
    """What a run has made.

    Attributes:
      teacher: of all languages.
      students: one for all languages, by the name ""; or one each, by theirs.
      material: what they were taught from.
    """

    teacher: LabellingNetwork
    students: dict[str, LabellingNetwork]
    material: Material


def ready_teacher(
    config: XtremeDistilConfig,
    corpus: TaggedCorpus,
    labels: tuple[str, ...],
    at: Workplace,
) -> LabellingNetwork:
    """The teacher that is given, or one that is trained here.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: it is damaged, or has other labels.
    """
    if not config.teacher_folder:
        pieces = build_pieces(config.pieces, corpus.transfer, at)
        return train_teacher(config.teacher, corpus, labels, pieces, at)
    model = load_labeller(Path(config.teacher_folder))
    if model.config.labels != labels:
        raise ValueError(
            f"teacher_folder {config.teacher_folder}: its labels are "
            f"{model.config.labels}, here they are {labels}"
        )
    return LabellingNetwork(model.params, model.config, model.vocabulary, at.mesh)


def distil(
    config: XtremeDistilConfig,
    corpus: TaggedCorpus,
    labels: tuple[str, ...],
    at: Workplace,
) -> Distilled:
    """Trains teacher and student, or reads back what was finished before."""
    teacher = ready_teacher(config, corpus, labels, at)
    material = gather_material(teacher, corpus, config.student, config.signals, at)
    if config.student.strategy not in BY_LANGUAGE:
        student = train_student(config.student, material, at)
        return Distilled(teacher, {"": student}, material)
    students = {}
    for number, lang in enumerate(corpus.langs, 1):
        logging.info("student %d of %d: %s", number, len(corpus.langs), lang)
        part = material.of_language(lang)
        students[lang] = train_student(
            config.student, part, at, prefix=f"student-{lang}"
        )
    return Distilled(teacher, students, material)
