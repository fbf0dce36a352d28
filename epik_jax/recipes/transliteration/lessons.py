"""Batches of the student's stages: targets from answers, signals joined by key.

Examples and what teachers said of them go in; encoded rows and streams of batches come
out. Which stage wants what is settled in its settings.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from epik_jax.data.encode import Encoded, encode, make_batch
from epik_jax.data.order import Share, whole
from epik_jax.models.config import TransformerConfig
from epik_jax.ragged import Ragged
from epik_jax.recipes.recipe import Batches
from epik_jax.recipes.transliteration.imitation import padded_signal
from epik_jax.recipes.transliteration.streams import make_order
from epik_jax.recipes.transliteration.student import StageConfig
from epik_jax.structs import Batch, Example
from epik_jax.teacher_cache.schema import Nested
from epik_jax.text.vocabulary import Vocabulary

MIN_SHARE = 0.05
"""Hypotheses that carry less of an example's weight are left out."""


class Signals(Protocol):
    """A teacher's signals by example: a cache, or the teacher itself."""

    def join(
        self, keys: np.ndarray, digests: np.ndarray, fields: Sequence[str]
    ) -> Mapping[str, Any]:
        """See `TeacherCache.join`."""
        ...


@dataclasses.dataclass(frozen=True)
class Lessons:
    """All that stages can be taught from.

    Attributes:
      vocabulary: of teacher and student.
      transfer: examples X -> Y that the chain answered, without gold.
      answers: small signals of them: tokens, token_lengths, scores, confidence.
      signals: large signals of them, joined batch by batch; None where nobody was
        asked.
      gold: other kinds of examples with targets of their own, by kind.
    """

    vocabulary: Vocabulary
    transfer: Sequence[Example]
    answers: Mapping[str, Any]
    signals: Signals | None
    gold: Mapping[str, Sequence[Example]]

    def encoded(self, stage: StageConfig) -> Encoded:
        """The rows that a stage is taught, targets included.

        Raises:
          ValueError: there is nothing of a kind that the stage names, or nothing
            that fits its buckets.
        """
        parts = []
        for kind in stage.data:
            if kind == "transfer":
                parts.append(_fitting(self._answered(stage), kind, stage))
                continue
            examples = self.gold.get(kind, ())
            if not examples:
                raise ValueError(f"stage {stage.name}: there are no {kind!r} examples")
            part = encode(examples, self.vocabulary)
            parts.append(_fitting(part, kind, stage) if kind == "back" else part)
        if not any(len(part) for part in parts):
            raise ValueError(
                f"stage {stage.name}: no example fits {stage.batches.buckets[-1]}, the "
                "widest of batches.buckets"
            )
        return _concatenated(parts)

    def stream(
        self, encoded: Encoded, stage: StageConfig, model: TransformerConfig
    ) -> Batches:
        """Batches of a stage from a given step on; they never end.

        Raises:
          ValueError: the stage wants signals for which nobody was asked.
        """
        order, fields = make_order(encoded, stage.batches), stage.imitation.fields
        signals = self.signals
        if fields and signals is None:
            raise ValueError(f"stage {stage.name}: no teacher was asked for {fields}")

        def batches(start: int, mine: Share = whole) -> Iterator[Batch]:
            for n in itertools.count(start):
                rows, (width_S, width_T) = order.rows(n)
                rows = mine(rows)
                batch = make_batch(encoded, rows, width_S, width_T, self.vocabulary)
                if fields and signals is not None:
                    joined = signals.join(
                        encoded.keys[rows], encoded.source_digest[rows], fields
                    )
                    batch["signals"] = padded_signal(joined, width_T, model)
                yield batch

        return batches

    def _answered(self, stage: StageConfig) -> Encoded:
        """Transfer examples with the chain's answers as targets."""
        plain = encode(self.transfer, self.vocabulary)
        confidence = self.answers["confidence"]
        floor = np.quantile(confidence, stage.drop_share)
        kept = np.flatnonzero(confidence >= floor)
        lengths = self.answers["token_lengths"]
        spelled = Nested(self.answers["tokens"], lengths)
        shares = _shares(self.answers["scores"])
        if stage.hypotheses == "best":
            chosen, whose = spelled.firsts[kept], kept
            weight = np.ones(len(kept), np.float32)
        else:
            owner = np.repeat(np.arange(len(plain)), lengths.lengths)
            chosen = np.flatnonzero(
                (shares >= MIN_SHARE) & (confidence[owner] >= floor)
            )
            whose, weight = owner[chosen], shares[chosen]
        target = spelled.sequences.take(chosen)
        return dataclasses.replace(
            _rows(plain, whose),
            target=Ragged(target.values.astype(np.int32), target.offsets),
            weight=weight,
        )


def _fitting(encoded: Encoded, kind: str, stage: StageConfig) -> Encoded:
    """Rows that the largest bucket holds: what a teacher writes may be endless."""
    width_S, width_T = stage.batches.buckets[-1]
    fits = (encoded.source.lengths <= width_S) & (encoded.target.lengths <= width_T)
    if fits.all():
        return encoded
    logging.warning(
        "stage %s: %d of %d %s examples are left out, they fit no bucket",
        *(stage.name, len(fits) - fits.sum(), len(fits), kind),
    )
    return _rows(encoded, np.flatnonzero(fits))


def _shares(scores: Ragged) -> np.ndarray:
    """Softmax of each example's scores, flat."""
    starts, lengths = scores.offsets[:-1], scores.lengths
    top = np.repeat(np.maximum.reduceat(scores.values, starts), lengths)
    raised = np.exp(scores.values - top)
    total = np.repeat(np.add.reduceat(raised, starts), lengths)
    return (raised / total).astype(np.float32)


def _rows(encoded: Encoded, rows: np.ndarray) -> Encoded:
    return dataclasses.replace(
        encoded,
        keys=encoded.keys[rows],
        source=encoded.source.take(rows),
        target=encoded.target.take(rows),
        source_digest=encoded.source_digest[rows],
        target_lang=encoded.target_lang[rows],
        group=encoded.group[rows],
        weight=encoded.weight[rows],
    )


def _concatenated(parts: Sequence[Encoded]) -> Encoded:
    groups = tuple(sorted({name for part in parts for name in part.groups}))

    def joined(name: str) -> Any:
        columns = [getattr(part, name) for part in parts]
        if not isinstance(columns[0], Ragged):
            return np.concatenate(columns)
        return Ragged.from_lengths(
            np.concatenate([c.values for c in columns]),
            np.concatenate([c.lengths for c in columns]),
        )

    names = [f.name for f in dataclasses.fields(Encoded)]
    columns = {n: joined(n) for n in names if n not in ("group", "groups")}
    places = [np.array([groups.index(name) for name in p.groups]) for p in parts]
    group = [p[part.group] for p, part in zip(places, parts, strict=True)]
    return Encoded(
        **columns, group=np.concatenate(group).astype(np.int32), groups=groups
    )
