"""XtremeDistil: a teacher, what it says of sentences, and the student that learns it.

Settings and sentences go in, trained networks come out (arXiv 2004.05686).
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

from epik_jax.bounds import demand
from epik_jax.interop.huggingface import is_hugging_face_folder
from epik_jax.interop.model_folder import load_labeller
from epik_jax.models.labeller_config import LabellerConfig
from epik_jax.recipes.legs import Leg, below
from epik_jax.recipes.opened import opened
from epik_jax.recipes.pieces import PiecesConfig, build_pieces
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.tagging.bert_folder import read_finished, read_start
from epik_jax.recipes.tagging.corpus import TaggedCorpus, TaggedDataConfig
from epik_jax.recipes.tagging.curriculum import Material, train_student
from epik_jax.recipes.tagging.enough import demand_enough
from epik_jax.recipes.tagging.strategies import BY_LANGUAGE
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.recipes.tagging.teacher import train_teacher
from epik_jax.recipes.tagging.teacher_config import TeacherConfig, sized_labeller
from epik_jax.recipes.tagging.teaching import SignalsConfig, gather_material
from epik_jax.teachers.labelling import LabellingNetwork


@dataclasses.dataclass(frozen=True)
class SweepConfig:
    """Students of other sizes, to be compared.

    Attributes:
      sizes: pairs of E and H.
      num_steps: of each, over all its stages.
    """

    sizes: tuple[tuple[int, int], ...] = ()
    num_steps: int = 1000

    def __post_init__(self) -> None:
        """Refuses sizes that nothing tells apart or cannot be built."""
        demand(self, 1, "num_steps")
        if len(set(self.sizes)) < len(self.sizes):
            raise ValueError(f"sweep.sizes {self.sizes} have one twice")
        if any(min(size) < 1 for size in self.sizes):
            raise ValueError(f"sweep.sizes {self.sizes} are not all positive")


@dataclasses.dataclass(frozen=True)
class XtremeDistilConfig:
    """The recipe.

    Attributes:
      teacher: how it is trained.
      student: how it is taught.
      pieces: what a teacher reads that is trained here and begins as no BERT.
      teacher_folder: model folder of a finished teacher, which is not trained then; ""
        trains one. It may be a Hugging Face folder of a BERT that tags words with the
        labels of the data, in any order; `teacher.model` says its `max_length` and
        `matmul_dtype`.
      signals: how the student gets at what the teacher says.
      sweep: students of other sizes; they are trained where they are measured.
    """

    teacher: TeacherConfig
    student: TaggingStudentConfig
    pieces: PiecesConfig = dataclasses.field(default_factory=PiecesConfig)
    teacher_folder: str = ""
    signals: SignalsConfig = dataclasses.field(default_factory=SignalsConfig)
    sweep: SweepConfig = dataclasses.field(default_factory=SweepConfig)

    def __post_init__(self) -> None:
        """Refuses two teachers, and a student that nobody can teach."""
        if self.teacher_folder and self.teacher.start_folder:
            raise ValueError(
                "teacher_folder and teacher.start_folder are both set: a finished "
                "teacher is not trained, whatever it could begin as"
            )
        if not self.teacher_folder and not self.teacher.start_folder:
            # Whatever the pieces and labels, which are known later.
            sizes = sized_labeller(self.teacher.model, 1, ("O",), whole=False)
            self.demand_teachable(sizes)

    def demand_teachable(self, teacher: LabellerConfig) -> None:
        """Refuses a student or a size that a teacher of such sizes cannot teach.

        Raises:
          ValueError: says which setting.
        """
        for student in (self.student, *self.swept.values()):
            student.demand_teachable(teacher)

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        teacher = {} if self.teacher_folder else below("teacher", self.teacher.legs)
        return teacher | {"student": self.student}

    @property
    def swept(self) -> dict[str, TaggingStudentConfig]:
        """Settings of the students of other sizes, by names such as "E50 H200"."""
        loop = dataclasses.replace(self.student.loop, num_steps=self.sweep.num_steps)
        return {
            f"E{embedding} H{hidden}": dataclasses.replace(
                self.student,
                model=dataclasses.replace(
                    self.student.model, embedding=embedding, hidden=hidden
                ),
                loop=loop,
            )
            for embedding, hidden in self.sweep.sizes
        }


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
    data: TaggedDataConfig,
    at: Workplace,
) -> tuple[LabellingNetwork, dict[str, Any]]:
    """The teacher that is given, or one that is trained here.

    Returns:
      The teacher; and of one that is trained here its seed, and the digest of what its
      training began with.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: it is damaged, has other labels, or cannot teach such a student.
    """
    trained = None if config.teacher_folder else config.teacher
    demand_enough(trained, config.student, corpus)
    if not config.teacher_folder:
        origin: dict[str, Any] = {"seed": config.teacher.seed}
        if start := read_start(config.teacher, data):
            config.demand_teachable(start.config)
            origin["start"] = start.digest
            pieces = start.pieces
        else:
            pieces = build_pieces(config.pieces, (s.words for s in corpus.transfer), at)
        return train_teacher(config.teacher, corpus, data, pieces, at, start), origin
    folder = Path(config.teacher_folder)
    if is_hugging_face_folder(folder):
        teacher = read_finished(folder, config.teacher.model, data, at.mesh)
    else:
        model = opened(folder, load_labeller)
        teacher = LabellingNetwork(
            model.params, model.config, model.vocabulary, at.mesh
        )
    found = teacher.config.labels, teacher.config.pools
    if found != (data.labels, data.task == "sentences"):
        what = "sentences" if teacher.config.pools else "words"
        raise ValueError(
            f"teacher_folder {config.teacher_folder}: it labels {what} as "
            f"{teacher.config.labels}, here {data.task} are labelled as {data.labels}"
        )
    config.demand_teachable(teacher.config)
    return teacher, {}


def students_by_size(
    config: XtremeDistilConfig, made: Distilled, at: Workplace
) -> dict[str, LabellingNetwork]:
    """Students of the sizes that are to be compared, taught as the student was.

    Returns:
      Students by size, such as "E50 H200"; each has had `sweep.num_steps` steps. None
      where the strategy trains a student a language.
    """
    if config.sweep.sizes and config.student.strategy in BY_LANGUAGE:
        logging.info("no sizes are compared: there is a student for each language")
        return {}
    return {
        name: train_student(
            student, made.material, at, prefix=f"sweep-{name.replace(' ', '-')}"
        )
        for name, student in config.swept.items()
    }


def distil(
    config: XtremeDistilConfig,
    teacher: LabellingNetwork,
    corpus: TaggedCorpus,
    at: Workplace,
) -> Distilled:
    """Teaches the student, or reads back what was finished before."""
    material = gather_material(teacher, corpus, config.student, config.signals, at)
    return Distilled(teacher, train_students(config.student, material, at), material)


def train_students(
    student: TaggingStudentConfig,
    material: Material,
    at: Workplace,
    *,
    prefix: str = "student",
) -> dict[str, LabellingNetwork]:
    """A student of all languages, by the name "", or of each, as its strategy wants.

    Args:
      student: how it is taught.
      material: from what.
      at: where.
      prefix: of the stages' names.
    """
    if student.strategy not in BY_LANGUAGE:
        return {"": train_student(student, material, at, prefix=prefix)}
    found = {}
    langs = sorted({s.lang for s in material.sentences})
    for number, lang in enumerate(langs, 1):
        logging.info("student %d of %d: %s", number, len(langs), lang)
        part = material.of_language(lang)
        found[lang] = train_student(student, part, at, prefix=f"{prefix}-{lang}")
    return found
