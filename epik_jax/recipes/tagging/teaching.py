"""The tagging teacher at work: asked about every sentence once, or batch by batch.

A trained teacher and sentences go in; what students are taught from comes out. Nothing
is trained here.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from epik_jax.bounds import demand
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.recipes.caching import fill_cache
from epik_jax.recipes.recipe import Workplace, digest
from epik_jax.recipes.tagging.batches import content_digest
from epik_jax.recipes.tagging.corpus import TaggedCorpus
from epik_jax.recipes.tagging.curriculum import Material
from epik_jax.recipes.tagging.labels import for_validation
from epik_jax.recipes.tagging.strategies import Part
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.structs import Sentence
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.teachers.tagging import LiveTags, TaggingTeacher, WantedStates


@dataclasses.dataclass(frozen=True)
class SignalsConfig:
    """How a student gets at what its teacher says.

    Attributes:
      live: the teacher answers each batch; else it is asked once and its answers kept.
      storage: of states that are kept: "int8" takes a byte a number, "float32" is
        exact.
      num_shards: files of the cache.
    """

    live: bool = False
    storage: Literal["float16", "float32", "int8"] = "int8"
    num_shards: int = 16

    def __post_init__(self) -> None:
        """Refuses a cache without files."""
        demand(self, 1, "num_shards")


def gather_material(
    teacher: LabellingNetwork,
    corpus: TaggedCorpus,
    student: TaggingStudentConfig,
    asked: SignalsConfig,
    at: Workplace,
) -> Material:
    """All that a student is taught from; the teacher is asked for what it needs.

    Args:
      teacher: trained.
      corpus: sentences.
      student: how it is to be taught.
      asked: how the teacher is asked.
      at: where the cache lies; its stop flag is obeyed between blocks.

    Raises:
      ValueError: the teacher has no such layer.
    """
    if student.layer > teacher.config.num_layers:
        raise ValueError(
            f"student.layer is {student.layer}, and the teacher has "
            f"{teacher.config.num_layers} above its embedding"
        )
    sentences = teacher.cut([*corpus.train, *corpus.unlabelled])
    encoded = teacher.encoded(sentences)
    known = network_digest(teacher)
    storage = "none"
    signals: LiveTags | TeacherCache | None = None
    if wanted := _wanted(student.parts, student.layer, asked):
        answering = TaggingTeacher(teacher, wanted)
        storage = wanted.storage
        if asked.live:
            signals = LiveTags(answering, encoded)
        else:
            signals = _cached(answering, sentences, asked, known, at)
    dev = for_validation(corpus.dev, student.num_validated)
    return Material(teacher, known, sentences, encoded, signals, storage, dev)


def network_digest(network: LabellingNetwork) -> str:
    """sha256 of a network's parameters and sizes; hashes all of them at each call."""
    return ModelFolder(network.params, network.config, network.pieces, {}).digest


def _wanted(
    parts: frozenset[Part], layer: int, asked: SignalsConfig
) -> WantedStates | None:
    """Which signals students need; None for none."""
    if "representation" in parts:
        return WantedStates(layer, "float32" if asked.live else asked.storage)
    return WantedStates(0, "none") if "logits" in parts else None


def _cached(
    teacher: TaggingTeacher,
    sentences: list[Sentence],
    asked: SignalsConfig,
    known: str,
    at: Workplace,
) -> TeacherCache:
    wanted = teacher.wanted
    name = "tags" if wanted.storage == "none" else f"layer-{wanted.layer}"
    return fill_cache(
        at.folder / "cache" / name,
        teacher,
        sentences,
        fingerprint(teacher, sentences, known),
        asked.num_shards,
        lambda: at.stop.obey("stopped while the teacher was asked"),
    )


def fingerprint(
    teacher: TaggingTeacher, sentences: list[Sentence], known: str
) -> dict[str, str]:
    """Digests by name of all that a cache of the teacher's answers depends on."""
    return {
        "teacher": known,
        "pieces": teacher.network.pieces.fingerprint,
        "data": content_digest(teacher.network.encoded(sentences)),
        "encoding": digest(dataclasses.asdict(teacher.wanted)),
        "schema": teacher.schema.fingerprint,
    }
