"""Host batches of rows of pieces: by (seed, step), cut out of an encoded corpus.

What a row is, a sentence or a pair of texts, is the corpus's business.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from epik_jax.bounds import LARGEST_SEED, demand, within
from epik_jax.data.order import Order, Share, evaluation_batches, whole
from epik_jax.ragged import Ragged
from epik_jax.structs import Batch


class EncodedRows(Protocol):
    """A corpus as arrays, N rows."""

    @property
    def tokens(self) -> Ragged:
        """Framed pieces of each row."""
        ...

    @property
    def group(self) -> np.ndarray:
        """Int [N], of which group each row is, from 0."""
        ...

    def batch(self, rows: np.ndarray, width_L: int, pad_id: int) -> Batch:
        """Fixed shapes cut out of it."""
        ...


class RowBatches(Protocol):
    """Batches of rows from a given step on; they never end."""

    def __call__(
        self, start: int, mine: Share = whole
    ) -> Iterator[tuple[int, np.ndarray, Batch]]:
        """Yields the number of a batch, all its rows, and those of `mine` cut out."""
        ...


@dataclasses.dataclass(frozen=True)
class RowBatchConfig:
    """How rows become batches.

    Attributes:
      batch_size: rows of the global batch.
      widths: padded lengths in pieces, frame included, rising; the last is the longest
        row that is not cut.
      group_temperature: groups, such as languages, are drawn as
        count ** (1 / temperature).
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
        """Shapes of batches: rows have no second side."""
        return tuple((width, 0) for width in self.widths)


def training_batches(
    encoded: EncodedRows, pad_id: int, config: RowBatchConfig
) -> RowBatches:
    """Batches of an encoded corpus, in the order of training.

    Raises:
      ValueError: there are fewer rows than a batch holds, or one is too long.
    """
    order = Order(
        encoded.tokens.lengths,
        np.zeros(len(encoded.tokens), np.int64),
        encoded.group,
        batch_size=config.batch_size,
        seed=config.seed,
        buckets=config.buckets,
        group_temperature=config.group_temperature,
    )

    def stream(
        start: int, mine: Share = whole
    ) -> Iterator[tuple[int, np.ndarray, Batch]]:
        for n in itertools.count(start):
            rows, (width, _) = order.rows(n)
            yield n, rows, encoded.batch(mine(rows), width, pad_id)

    return stream


def held_out_batches(
    encoded: EncodedRows, pad_id: int, config: RowBatchConfig
) -> Iterator[tuple[int, np.ndarray, Batch]]:
    """Every row once, in batches of the same shapes; filling counts for nothing.

    Yields:
      The number of the batch, its rows, and the batch with its "weight".
    """
    batches = evaluation_batches(
        encoded.tokens.lengths,
        np.zeros(len(encoded.tokens), np.int64),
        batch_size=config.batch_size,
        buckets=config.buckets,
    )
    for n, (rows, real, (width, _)) in enumerate(batches):
        batch = encoded.batch(rows, width, pad_id)
        yield n, rows, batch | {"weight": real.astype(np.float32)}
