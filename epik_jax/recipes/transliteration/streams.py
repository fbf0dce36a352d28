"""Host batches of a stage: rows by (seed, step), cut out of encoded examples.

Beside them the digests by which examples are known.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator

from epik_jax.bounds import LARGEST_SEED, demand, within
from epik_jax.data.digests import arrays_digest
from epik_jax.data.encode import Encoded, make_batch
from epik_jax.data.order import Order, Share, whole
from epik_jax.recipes.recipe import Batches
from epik_jax.structs import Batch, Example
from epik_jax.text.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class BatchConfig:
    """How examples become batches.

    Attributes:
      batch_size: rows of the global batch.
      buckets: (source, target) widths, rising; a batch has the shape of one of them.
      group_temperature: language pairs are drawn as count ** (1 / temperature).
      seed: of the order.
    """

    batch_size: int = 64
    buckets: tuple[tuple[int, int], ...] = ((12, 12), (16, 16), (24, 24), (40, 40))
    group_temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing."""
        demand(self, 1, "batch_size")
        within(self, 0.1, math.inf, "group_temperature")
        within(self, 0, LARGEST_SEED, "seed")
        if not self.buckets or min(min(bucket) for bucket in self.buckets) < 1:
            raise ValueError(f"buckets {self.buckets} are not pairs of positive widths")


def make_order(encoded: Encoded, config: BatchConfig) -> Order:
    """The training order of encoded examples."""
    return Order(
        encoded.source.lengths,
        encoded.target.lengths,
        encoded.group,
        batch_size=config.batch_size,
        seed=config.seed,
        buckets=config.buckets,
        group_temperature=config.group_temperature,
    )


def supervised_batches(
    encoded: Encoded, vocabulary: Vocabulary, config: BatchConfig
) -> Batches:
    """Batches of gold targets from a given step on; they never end."""
    order = make_order(encoded, config)

    def stream(start: int, mine: Share = whole) -> Iterator[Batch]:
        for n in itertools.count(start):
            rows, (width_S, width_T) = order.rows(n)
            yield make_batch(encoded, mine(rows), width_S, width_T, vocabulary)

    return stream


def content_digest(encoded: Encoded) -> str:
    """sha256 over all that is trained on, in order."""
    return arrays_digest(
        (
            encoded.keys,
            encoded.source_digest,
            encoded.target.values,
            encoded.target.offsets,
            encoded.weight,
        )
    )


def examples_digest(examples: Iterable[Example]) -> str:
    """sha256 of what is asked and accepted: figures compare where it is equal."""
    state = hashlib.sha256()
    for example in examples:
        state.update("\t".join((example.example_id, *example.targets)).encode())
        state.update(b"\n")
    return state.hexdigest()
