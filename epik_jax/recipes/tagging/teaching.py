"""The tagging teacher at work: asked about every sentence once, or batch by batch.

A trained teacher and sentences go in; what students are taught from comes out. Nothing
is trained here.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from epik_jax.bounds import within
from epik_jax.data.encode_sentences import EncodedSentences
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.recipes.caching import few_of, fill_cache, rounding_errors
from epik_jax.recipes.recipe import Workplace, digest
from epik_jax.recipes.tagging.corpus import TaggedCorpus
from epik_jax.recipes.tagging.curriculum import Material
from epik_jax.recipes.tagging.digests import content_digest
from epik_jax.recipes.tagging.labels import for_validation
from epik_jax.recipes.tagging.strategies import Part
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.teachers.placed import alone
from epik_jax.teachers.tagging import LiveTags, Storage, TaggingTeacher, WantedStates


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
        """Refuses a cache without files, or of more than a folder should hold."""
        within(self, 1, 1000, "num_shards")


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
      ValueError: the teacher cannot teach such a student.
    """
    student.demand_teachable(teacher.config)
    sentences = teacher.cut([*corpus.train, *corpus.unlabelled])
    encoded = teacher.encoded(sentences)
    known = network_digest(teacher)
    storage: Storage = "none"
    signals: LiveTags | TeacherCache | None = None
    if wanted := _wanted(student.parts, student.layer, asked):
        answering = TaggingTeacher(alone(teacher), wanted)
        storage = wanted.storage
        if asked.live:
            signals = LiveTags(answering, encoded)
        else:
            parts = fingerprint(answering, encoded, known)
            signals = fill_cache(
                at.folder / "cache" / wanted.name,
                answering,
                sentences,
                parts,
                asked.num_shards,
                lambda: at.stop.obey("stopped while the teacher was asked"),
            )
    dev = for_validation(corpus.dev, student.num_validated)
    return Material(teacher, known, sentences, encoded, signals, storage, dev)


def network_digest(network: LabellingNetwork) -> str:
    """sha256 of a network's parameters and sizes; hashes all of them at each call."""
    return ModelFolder(network.params, network.config, network.pieces, {}).digest


def states_kept(material: Material, layer: int) -> dict[str, Any]:
    """How the states that a student learns were kept, and what that cost.

    Returns:
      "storage", and "rounding_error", the root mean square of the error as a share of
      that of the states, where they are kept in fewer bits; empty where none are kept.
    """
    wanted = WantedStates(layer, material.storage)
    if wanted.storage == "none":
        return {}
    answering = TaggingTeacher(material.teacher, wanted)
    lost = rounding_errors(
        answering.schema, answering.block(few_of(material.sentences))
    )
    error = {"rounding_error": lost["hidden"]} if "hidden" in lost else {}
    return {"storage": wanted.storage, **error}


def _wanted(
    parts: frozenset[Part], layer: int, asked: SignalsConfig
) -> WantedStates | None:
    """Which signals students need; None for none."""
    if "representation" in parts:
        return WantedStates(layer, "float32" if asked.live else asked.storage)
    return WantedStates(0, "none") if "logits" in parts else None


def fingerprint(
    teacher: TaggingTeacher, encoded: EncodedSentences, known: str
) -> dict[str, str]:
    """Digests by name of all that a cache of the teacher's answers depends on."""
    return {
        "teacher": known,
        "pieces": teacher.network.pieces.fingerprint,
        "data": content_digest(encoded),
        "encoding": digest(dataclasses.asdict(teacher.wanted)),
        "schema": teacher.schema.fingerprint,
    }
