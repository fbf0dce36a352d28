"""Host batches of sentences: rows by (seed, step), cut out of an encoded corpus.

Beside them the digests by which sentences are known.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from epik_jax.bounds import LARGEST_SEED, demand, within
from epik_jax.data.digests import arrays_digest
from epik_jax.data.encode_sentences import EncodedSentences, make_sentence_batch
from epik_jax.data.order import Order, evaluation_batches
from epik_jax.structs import Batch, Sentence


@dataclasses.dataclass(frozen=True)
class SentenceBatchConfig:
    """How sentences become batches.

    Attributes:
      batch_size: rows of the global batch.
      widths: padded lengths in pieces, frame included, rising; the last is the longest
        sentence that is not cut.
      group_temperature: languages are drawn as count ** (1 / temperature).
      seed: of the order.
    """

    batch_size: int = 64
    widths: tuple[int, ...] = (16, 24, 32, 48, 64, 96, 128)
    group_temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing."""
        demand(self, 1, "batch_size")
        within(self, 0.1, math.inf, "group_temperature")
        within(self, 0, LARGEST_SEED, "seed")
        if (
            not self.widths
            or min(self.widths) < 3
            or list(self.widths) != sorted(set(self.widths))
        ):
            raise ValueError(f"widths {self.widths} are not rising numbers from 3 on")

    @property
    def buckets(self) -> tuple[tuple[int, int], ...]:
        """Shapes of batches: sentences have no second side."""
        return tuple((width, 0) for width in self.widths)


def training_batches(
    encoded: EncodedSentences, pad_id: int, config: SentenceBatchConfig
) -> Callable[[int], Iterator[tuple[int, np.ndarray, Batch]]]:
    """Batches from a given step on, each with its number and rows; they never end.

    Raises:
      ValueError: there are fewer sentences than a batch holds, or one is too long.
    """
    order = Order(
        encoded.tokens.lengths,
        np.zeros(len(encoded), np.int64),
        encoded.group,
        batch_size=config.batch_size,
        seed=config.seed,
        buckets=config.buckets,
        group_temperature=config.group_temperature,
    )

    def stream(start: int) -> Iterator[tuple[int, np.ndarray, Batch]]:
        for n in itertools.count(start):
            rows, (width, _) = order.rows(n)
            yield n, rows, make_sentence_batch(encoded, rows, width, pad_id)

    return stream


def held_out_batches(
    encoded: EncodedSentences, pad_id: int, config: SentenceBatchConfig
) -> Iterator[tuple[int, np.ndarray, Batch]]:
    """Every sentence once, in batches of the same shapes; filling counts for nothing.

    Yields:
      The number of the batch, its rows, and the batch with its "weight".
    """
    batches = evaluation_batches(
        encoded.tokens.lengths,
        np.zeros(len(encoded), np.int64),
        batch_size=config.batch_size,
        buckets=config.buckets,
    )
    for n, (rows, real, (width, _)) in enumerate(batches):
        batch = make_sentence_batch(encoded, rows, width, pad_id)
        yield n, rows, batch | {"weight": real.astype(np.float32)}


def content_digest(encoded: EncodedSentences) -> str:
    """sha256 over all that is trained on, in order."""
    return arrays_digest(
        (
            encoded.keys,
            encoded.source_digest,
            encoded.labels.values,
            encoded.firsts.values,
            encoded.tagged,
            encoded.group,
        )
    )


def sentences_digest(sentences: Iterable[Sentence]) -> str:
    """sha256 of words and labels: figures compare where it is equal."""
    state = hashlib.sha256()
    for sentence in sentences:
        state.update(repr(dataclasses.astuple(sentence)).encode())
    return state.hexdigest()
