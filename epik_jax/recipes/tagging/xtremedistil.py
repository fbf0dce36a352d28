"""XtremeDistil: a teacher, what it says of sentences, and the student that learns it.

Settings and sentences go in, trained networks come out (arXiv 2004.05686).
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from epik_jax.bounds import demand
from epik_jax.interop.huggingface import is_hugging_face_folder
from epik_jax.interop.model_folder import load_labeller
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.tagging.bert_folder import kept_pieces, read_finished
from epik_jax.recipes.tagging.corpus import TaggedCorpus, TaggedDataConfig
from epik_jax.recipes.tagging.curriculum import Material, train_student
from epik_jax.recipes.tagging.pieces import PiecesConfig, build_pieces
from epik_jax.recipes.tagging.strategies import BY_LANGUAGE
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.recipes.tagging.teacher import train_teacher
from epik_jax.recipes.tagging.teacher_config import TeacherConfig
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
        if not self.teacher_folder:
            self._demand_teachable()

    def _demand_teachable(self) -> None:
        """Refuses a student that the teacher to be trained here cannot teach."""
        if self.teacher.start_folder:
            return  # Its sizes are known when it is read.
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
    data: TaggedDataConfig,
    at: Workplace,
) -> LabellingNetwork:
    """The teacher that is given, or one that is trained here.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: it is damaged, or has other labels.
    """
    if not config.teacher_folder:
        pieces = kept_pieces(config.teacher)
        pieces = pieces or build_pieces(config.pieces, corpus.transfer, at)
        return train_teacher(config.teacher, corpus, data, pieces, at)
    folder = Path(config.teacher_folder)
    if is_hugging_face_folder(folder):
        return read_finished(folder, config.teacher.model, data, at.mesh)
    model = load_labeller(folder)
    found = model.config.labels, model.config.pools
    if found != (data.labels, data.task == "sentences"):
        what = "sentences" if model.config.pools else "words"
        raise ValueError(
            f"teacher_folder {config.teacher_folder}: it labels {what} as "
            f"{model.config.labels}, here {data.task} are labelled as {data.labels}"
        )
    return LabellingNetwork(model.params, model.config, model.vocabulary, at.mesh)


def smaller_students(
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
    found = {}
    for embedding, hidden in config.sweep.sizes:
        name = f"E{embedding} H{hidden}"
        model = dataclasses.replace(
            config.student.model, embedding=embedding, hidden=hidden
        )
        loop = dataclasses.replace(
            config.student.loop, num_steps=config.sweep.num_steps
        )
        student = dataclasses.replace(config.student, model=model, loop=loop)
        prefix = f"sweep-{name.replace(' ', '-')}"
        found[name] = train_student(student, made.material, at, prefix=prefix)
    return found


def distil(
    config: XtremeDistilConfig,
    corpus: TaggedCorpus,
    data: TaggedDataConfig,
    at: Workplace,
) -> Distilled:
    """Trains teacher and student, or reads back what was finished before."""
    teacher = ready_teacher(config, corpus, data, at)
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
