"""What a crowd says of pairs, asked once and kept; and whose answers a student hears.

Teachers and pairs go in, logits of every teacher come out, with a note of who was asked
about what. The same answers fill a cache or are given live.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from epik_jax.data.digests import text_digests
from epik_jax.data.general_pairs import DRAWN, FOUND, THERE
from epik_jax.recipes.scoring.crowd import Member
from epik_jax.structs import TextPair
from epik_jax.teacher_cache.schema import Block, Field, Schema

_TO_ALL = (THERE, FOUND, DRAWN)
"""Origins of pairs that are of no list: every teacher is asked about them."""


@dataclasses.dataclass(frozen=True)
class CrowdTeacher:
    """All teachers as one that answers."""

    members: tuple[Member, ...]

    @property
    def schema(self) -> Schema:
        """Fields of an answer: logits of M teachers, and which of them were asked."""
        labels = self.members[0].network.config.labels
        return Schema(
            (
                Field("logits", "float32", (len(self.members), len(labels))),
                Field("asked", "bool", (len(self.members),)),
            )
        )

    def block(self, pairs: Sequence[TextPair]) -> Block:
        """Answers to some pairs; 0 where a teacher was not asked."""
        asked = np.stack([_asked(member, pairs) for member in self.members], axis=1)
        num_labels = len(self.members[0].network.config.labels)
        logits = np.zeros((*asked.shape, num_labels), np.float32)
        for place, member in enumerate(self.members):
            rows = np.flatnonzero(asked[:, place]).tolist()
            if rows:
                encoded = member.network.encoded([pairs[row] for row in rows])
                logits[rows, place] = member.network.logits(encoded)
        return Block(*known_by(pairs), {"logits": logits, "asked": asked})


@dataclasses.dataclass(frozen=True)
class Voices:
    """Teachers' answers as one student hears them.

    Attributes:
      logits: float32 [N, M, C], of each voice.
      asked: bool [N, M].
    """

    logits: np.ndarray
    asked: np.ndarray

    @property
    def num_voices(self) -> int:
        """M."""
        return self.logits.shape[1]

    def of(self, place: int) -> Voices:
        """One teacher alone."""
        one = slice(place, place + 1)
        return Voices(self.logits[:, one], self.asked[:, one])

    def averaged(self) -> Voices:
        """One voice: the mean of the probabilities of all who were asked."""
        whole = np.logaddexp.reduce(self.logits, axis=-1, keepdims=True)
        silent = np.where(self.asked[..., None], 0.0, -np.inf)
        heard = self.logits - whole + silent
        together = np.logaddexp.reduce(heard, axis=1, keepdims=True)
        count = np.maximum(self.asked.sum(axis=1), 1)[:, None, None]
        some = np.asarray(self.asked.any(axis=1, keepdims=True))
        mean = np.where(some[..., None], together - np.log(count), 0.0)
        return Voices(mean.astype(np.float32), some)


def known_by(pairs: Sequence[TextPair]) -> tuple[np.ndarray, np.ndarray]:
    """Keys and digests by which pairs are known, uint64 [N] each.

    The digest is of the texts: teachers of a crowd cut them into pieces of their own.
    """
    keys = text_digests(pair.example_id for pair in pairs)
    return keys, text_digests(f"{pair.text_a}\x1f{pair.text_b}" for pair in pairs)


def _asked(member: Member, pairs: Sequence[TextPair]) -> np.ndarray:
    lists = {*member.lists, *_TO_ALL}
    told = [not member.lists or pair.origin in lists for pair in pairs]
    return np.array(told, bool)
