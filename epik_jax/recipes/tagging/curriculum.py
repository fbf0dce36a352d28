"""What a tagging student is taught, stage by stage, and the teaching of it.

Settings, sentences and a teacher go in, a trained student comes out.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from epik_jax.data.draw import held_out
from epik_jax.data.encode_sentences import EncodedSentences, encode_sentences
from epik_jax.models.labeller_config import BilstmLabellerConfig
from epik_jax.recipes.recipe import Stage, Validate, Workplace, run_stages
from epik_jax.recipes.tagging.digests import content_digest, sentences_digest
from epik_jax.recipes.tagging.distillation import (
    Signals,
    distillation_batches,
    held_out_signals,
    make_objective,
    make_student_forward,
    make_validate_loss,
)
from epik_jax.recipes.tagging.labels import make_validate_tags
from epik_jax.recipes.tagging.start import initial_student
from epik_jax.recipes.tagging.strategies import PARTS, Part, SubStage
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.structs import Sentence
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.teachers.tagging import Storage
from epik_jax.text.wordpiece import WordPieces

_Validation: TypeAlias = tuple[Validate | None, str]
"""How stages are validated, and the digest of what on."""


@dataclasses.dataclass(frozen=True)
class Material:
    """What students are taught from.

    Attributes:
      teacher: whose pieces, states and tags.
      teacher_digest: of its parameters and sizes.
      sentences: tagged or not, none longer than the teacher reads.
      encoded: the same by the teacher's pieces.
      signals: of the teacher; None where nobody was asked.
      storage: how states were kept; it is part of what a student depends on.
      dev: lists by name, that choices may look at.
    """

    teacher: LabellingNetwork
    teacher_digest: str
    sentences: list[Sentence]
    encoded: EncodedSentences
    signals: Signals | None
    storage: Storage
    dev: Mapping[str, list[Sentence]]

    def of_language(self, lang: str) -> Material:
        """The part of it that is in one language."""
        rows = [i for i, s in enumerate(self.sentences) if s.lang == lang]
        dev = {
            name: found
            for name, found in self.dev.items()
            if all(s.lang == lang for s in found)
        }
        return dataclasses.replace(
            self,
            sentences=[self.sentences[i] for i in rows],
            encoded=self.encoded.take(np.array(rows, np.int64)),
            dev=dev,
        )


def train_student(
    config: TaggingStudentConfig,
    material: Material,
    at: Workplace,
    *,
    prefix: str = "student",
) -> LabellingNetwork:
    """Trains a student, or reads it back where it was finished before.

    Args:
      config: how.
      material: from what.
      at: where.
      prefix: of the stages' names.
    """
    teacher = material.teacher
    # Of whole words, also where the teacher reads the first pieces of one alone.
    used, _ = teacher.pieces.encode([s.words for s in material.sentences])
    pieces = teacher.pieces.pruned(np.unique(used.values))
    model = config.model.sized(pieces.size, teacher.config, config.layer)
    stages = student_stages(config, model, pieces, material, prefix)
    params = run_stages(stages, initial_student(config, model, pieces, teacher), at)
    return LabellingNetwork(params["student"], model, pieces, at.mesh)


def student_stages(
    config: TaggingStudentConfig,
    model: BilstmLabellerConfig,
    pieces: WordPieces,
    material: Material,
    prefix: str,
) -> tuple[Stage, ...]:
    """The stages of a strategy, ready to run."""
    num_held_out = config.num_held_out if config.holds_out else 0
    texts = _Texts.of(material, pieces, model, num_held_out)
    common = {
        "pieces": pieces.fingerprint,
        "model": dataclasses.asdict(model),
        "start": config.start,
        "student seed": config.seed,
        "teacher": material.teacher_digest,
    }
    forward = make_student_forward(model)
    weights: dict[Part, float] = dict(zip(PARTS, config.weights, strict=True))
    validations: dict[tuple[Part, ...], _Validation] = {}
    made = []
    for stage in config.sub_stages:
        seed = config.seed_of(stage)
        batches = dataclasses.replace(config.batches, seed=seed)
        objective = make_objective(stage.parts, config.distance, weights)
        rows = texts.tagged if stage.parts == ("labels",) else texts.transfer
        part, digests = texts.encoded.take(rows), texts.digests[rows]
        shown = (stage.parts, material.signals, pieces.pad_id, batches)
        # One for all sub-stages of a leg: each would be compiled anew.
        if stage.parts not in validations:
            if "labels" in stage.parts:
                validations[stage.parts] = _on_dev(model, pieces, material)
            else:
                unseen = texts.encoded.take(texts.held_out)
                known = (unseen, texts.digests[texts.held_out], *shown)
                validations[stage.parts] = (
                    make_validate_loss(
                        forward, objective, functools.partial(held_out_signals, *known)
                    ),
                    content_digest(unseen),
                )
        validate, validated = validations[stage.parts]
        made.append(
            Stage(
                name=f"{prefix}-{stage.name}",
                batches=distillation_batches(part, digests, *shown),
                forward=forward,
                objective=objective,
                trainable=stage.trainable,
                optimizer=config.scheduled(stage),
                loop=config.loop_of(stage),
                seed=seed,
                inputs={
                    **common,
                    "batches": dataclasses.asdict(batches),
                    "data": content_digest(part),
                    **_asked(config, stage, material),
                },
                validate=validate,
                validated=validated,
            )
        )
    return tuple(made)


def _on_dev(
    model: BilstmLabellerConfig, pieces: WordPieces, material: Material
) -> _Validation:
    """What stages with labels are chosen by, and its digest."""
    validate = make_validate_tags(model, pieces, material.dev)
    return validate, sentences_digest(s for f in material.dev.values() for s in f)


@dataclasses.dataclass(frozen=True)
class _Texts:
    """Sentences by the student's pieces, and which are for what.

    Attributes:
      encoded: all of them.
      digests: uint64 [N], of the same by the teacher's pieces.
      transfer: rows that are learnt from.
      tagged: those of them that people tagged.
      held_out: rows that are not learnt from.
    """

    encoded: EncodedSentences
    digests: np.ndarray
    transfer: np.ndarray
    tagged: np.ndarray
    held_out: np.ndarray

    @classmethod
    def of(
        cls,
        material: Material,
        pieces: WordPieces,
        model: BilstmLabellerConfig,
        num_held_out: int,
    ) -> _Texts:
        """Encodes, and draws what is held out.

        Raises:
          ValueError: nothing would be left to learn from.
        """
        sentences = material.sentences
        if num_held_out >= len(sentences):
            raise ValueError(
                f"student.num_held_out is {num_held_out}, and there are "
                f"{len(sentences)} sentences in all"
            )
        encoded = encode_sentences(
            sentences, pieces, model.labels, model.max_length, whole=model.pools
        )
        # The pieces were pruned to these very sentences.
        assert (encoded.tokens.lengths == material.encoded.tokens.lengths).all()
        apart = held_out(sentences, num_held_out)
        return cls(
            encoded,
            material.encoded.source_digest,
            transfer=np.flatnonzero(~apart),
            tagged=np.flatnonzero(encoded.tagged & ~apart),
            held_out=np.flatnonzero(apart),
        )


def _asked(
    config: TaggingStudentConfig, stage: SubStage, material: Material
) -> dict[str, Any]:
    """What a stage's signals depend on beside the teacher."""
    if "representation" not in stage.parts:
        return {}
    states = {"layer": config.layer, "distance": config.distance}
    return {**states, "storage": material.storage}
