"""What a crowd says of pairs, asked once and kept; and whose answers a student hears.

Teachers and pairs go in, logits of every teacher come out, with a note of who was asked
about what. Each teacher has a cache of its own, so that one more teacher, or one in
another place, is no reason to ask the others again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from epik_jax.data.digests import text_digests
from epik_jax.recipes.caching import fill_cache
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring.crowd import Member
from epik_jax.recipes.scoring.digests import network_digest, pairs_digest
from epik_jax.structs import TextPair
from epik_jax.teacher_cache.schema import Block, Field, Schema
from epik_jax.teachers.placed import alone
from epik_jax.teachers.scoring import ScoringNetwork


@dataclasses.dataclass(frozen=True)
class ScoringTeacher:
    """A network as one that is asked."""

    network: ScoringNetwork

    @property
    def schema(self) -> Schema:
        """Fields of an answer: the logits of the classes."""
        return Schema((Field("logits", "float32", (len(self.network.config.labels),)),))

    def block(self, pairs: Sequence[TextPair]) -> Block:
        """Answers to some pairs."""
        logits = self.network.logits(self.network.encoded(pairs))
        return Block(*known_by(pairs), {"logits": logits})


@dataclasses.dataclass(frozen=True)
class Voices:
    """Teachers' answers as one student hears them.

    Attributes:
      logits: float32 [N, M, C], of each voice; 0 where it was not asked.
      asked: bool [N, M].
    """

    logits: np.ndarray
    asked: np.ndarray

    @property
    def num_voices(self) -> int:
        """M."""
        return self.logits.shape[1]

    def first(self, count: int) -> Voices:
        """About the first pairs alone."""
        return Voices(self.logits[:count], self.asked[:count])

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


def gather_voices(
    members: Sequence[Member],
    pairs: Sequence[TextPair],
    purpose: str,
    num_shards: int,
    at: Workplace,
) -> Voices:
    """Asks every teacher about the pairs that are its business, or reads what it said.

    Args:
      members: of M teachers.
      pairs: N of them.
      purpose: what they are for; caches lie in "cache/PURPOSE-TEACHER".
      num_shards: files of a cache.
      at: where.

    Returns:
      Logits [N, M, C] in the order of members and pairs.

    Raises:
      ValueError: a cache is of another teacher or of other pairs; or a teacher has no
        business with any pair.
    """
    keys, digests = known_by(pairs)
    classes = len(members[0].network.config.labels)
    logits = np.zeros((len(pairs), len(members), classes), np.float32)
    asked = np.stack([_asked(member, pairs) for member in members], axis=1)
    for place, member in enumerate(members):
        rows = np.flatnonzero(asked[:, place])
        if not len(rows):
            raise ValueError(
                f"teacher {member.name} is asked about lists {member.lists} alone, and "
                f"no pair ({purpose}) is of them"
            )
        told = [pairs[row] for row in rows.tolist()]
        teacher = ScoringTeacher(alone(member.network))
        fingerprint = {
            "teacher": network_digest(member.network),
            "data": pairs_digest({"asked": told}),
            "schema": teacher.schema.fingerprint,
        }
        cache = fill_cache(
            at.folder / "cache" / f"{purpose}-{member.name}",
            teacher,
            told,
            fingerprint,
            num_shards,
            lambda: at.stop.obey("stopped while the teachers were asked"),
        )
        found = cache.join(keys[rows], digests[rows], ("logits",))["logits"]
        logits[rows, place] = np.asarray(found)
    return Voices(logits, asked)


def known_by(pairs: Sequence[TextPair]) -> tuple[np.ndarray, np.ndarray]:
    """Keys and digests by which pairs are known, uint64 [N] each.

    The digest is of the texts: teachers of a crowd cut them into pieces of their own.
    """
    keys = text_digests(pair.example_id for pair in pairs)
    return keys, text_digests(f"{pair.text_a}\x1f{pair.text_b}" for pair in pairs)


def _asked(member: Member, pairs: Sequence[TextPair]) -> np.ndarray:
    told = [not member.lists or pair.origin in member.lists for pair in pairs]
    return np.array(told, bool)
