"""What a labelling network says of sentences to a student, as arrays.

Sentences that fit the network go in; logits and, where asked for, one layer's states of
every piece come out. The same answers fill a cache or are given live.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from epik_jax.data.encode_sentences import EncodedSentences
from epik_jax.ragged import Ragged
from epik_jax.structs import Sentence
from epik_jax.teacher_cache.schema import Block, Field, Schema
from epik_jax.teachers.known import KnownExamples
from epik_jax.teachers.labelling import LabellingNetwork

Storage: TypeAlias = Literal["none", "float16", "float32", "int8"]


@dataclasses.dataclass(frozen=True)
class WantedStates:
    """Which states are kept, and how.

    Attributes:
      layer: whose states: 0 for the embedding, up to the number of the teacher's.
      storage: "none" keeps no states; "int8" quantises them by row.
    """

    layer: int
    storage: Storage = "int8"

    @property
    def name(self) -> str:
        """Of a cache of them."""
        return "tags" if self.storage == "none" else f"layer-{self.layer}"


@dataclasses.dataclass(frozen=True)
class TaggingTeacher:
    """A network and what is kept of its answers.

    Attributes:
      network: what answers.
      wanted: which states.
    """

    network: LabellingNetwork
    wanted: WantedStates

    @property
    def schema(self) -> Schema:
        """Fields of a signal."""
        config = self.network.config
        fields = [Field("logits", "float32", (len(config.labels),), ragged=True)]
        if (storage := self.wanted.storage) != "none":
            shape = (config.width_of(self.wanted.layer),)
            quantised = storage == "int8"
            dtype = "float32" if quantised else storage
            stored = "int8" if quantised else "exact"
            fields.append(Field("hidden", dtype, shape, True, stored))
        return Schema(tuple(fields))

    def block(self, sentences: Sequence[Sentence]) -> Block:
        """Signals of sentences, none longer than the network reads."""
        encoded = self.network.encoded(sentences)
        return self.answers(encoded.tokens, encoded.keys, encoded.source_digest)

    def answers(self, tokens: Ragged, keys: np.ndarray, digests: np.ndarray) -> Block:
        """Signals of rows of pieces that are encoded already."""
        storage = self.wanted.storage
        layer = None if storage == "none" else self.wanted.layer
        logits, hidden = self.network.signals(tokens, layer)
        arrays = {"logits": logits}
        if hidden is not None:
            dtype = "float16" if storage == "float16" else "float32"
            arrays["hidden"] = Ragged(hidden.values.astype(dtype), hidden.offsets)
        return Block(keys, digests, arrays)


class LiveTags:
    """Signals of known sentences, asked for when they are needed."""

    def __init__(self, teacher: TaggingTeacher, encoded: EncodedSentences) -> None:
        """Knows the sentences that it may be asked about.

        Args:
          teacher: what answers.
          encoded: the sentences, by the teacher's own pieces.
        """
        self._teacher, self._encoded = teacher, encoded
        self._known = KnownExamples(encoded.keys, encoded.source_digest)

    def join(
        self, keys: np.ndarray, digests: np.ndarray, fields: Sequence[str]
    ) -> Mapping[str, Ragged | np.ndarray]:
        """Signals of the named sentences, in that order; see `TeacherCache.join`.

        Raises:
          ValueError: a sentence is not known, or was encoded otherwise.
        """
        places = self._known.find(keys, digests)
        tokens = self._encoded.tokens.take(places)
        block = self._teacher.answers(tokens, keys, digests)
        return {name: block.arrays[name] for name in fields}
