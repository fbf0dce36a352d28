"""Which rows make batch n.

Lengths, groups and a seed go in; row numbers and a shape come out. Training batch n is
a pure function of (seed, n), so resuming is a number and nothing need be saved.
Evaluation batches cover every row exactly once. No token is touched here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

Bucket = tuple[int, int]
"""(source columns S, target columns T) of a batch."""

Share: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""An array with all rows of a batch -> those of them that are this process's."""


def whole(rows: np.ndarray) -> np.ndarray:
    """The share of a process that is alone."""
    return rows


# Epochs use the keys from 0 up, groups those from here up: the streams never meet.
_GROUP_STREAM = 1 << 63


class Order:
    """The training order.

    An epoch draws a fixed quota from every group. Inside a group one permutation is
    walked round and round across epochs, so that after any number of epochs the draws
    of any two of its examples differ by one at most. Rows are then cut into batches by
    bucket; rows left over in one bucket fill up the first batch of the next larger one,
    which keeps every batch full and the number of batches per epoch constant.

    Attributes:
      batch_size: rows per batch.
      num_batches_per_epoch: floor(N / batch_size).
      quotas: int64 [groups], draws per epoch of each group.
    """

    def __init__(
        self,
        lengths_S: np.ndarray,
        lengths_T: np.ndarray,
        group: np.ndarray,
        *,
        batch_size: int,
        seed: int,
        buckets: Sequence[Bucket],
        group_temperature: float = 1.0,
    ) -> None:
        """Plans nothing yet; the first `rows` of an epoch does.

        Args:
          lengths_S: int [N], source lengths.
          lengths_T: int [N], target lengths.
          group: int [N], group of each row, from 0.
          batch_size: rows per batch, at most N.
          seed: from 0 to 2**64 - 1.
          buckets: shapes, rising in both columns.
          group_temperature: groups are drawn in proportion to
            count**(1 / group_temperature): 1 keeps their sizes, infinity makes them
            equal.

        Raises:
          ValueError: an argument out of range, or a row that fits no bucket.
        """
        if not 1 <= batch_size <= len(lengths_S):
            raise ValueError(
                f"batch_size {batch_size} must be from 1 to {len(lengths_S)} rows"
            )
        if not 0 <= seed < 1 << 64 or not group_temperature > 0:
            raise ValueError(
                f"seed {seed} must be from 0 to 2**64 - 1 and group_temperature "
                f"{group_temperature} must be positive"
            )
        self.batch_size = batch_size
        self.num_batches_per_epoch = len(lengths_S) // batch_size
        self._seed = seed
        self._buckets = tuple((int(s), int(t)) for s, t in buckets)
        self._bucket_of = assign_buckets(lengths_S, lengths_T, self._buckets)
        self._walks = [
            _generator(seed, _GROUP_STREAM + name).permutation(
                np.flatnonzero(group == name)
            )
            for name in range(int(group.max()) + 1)
        ]
        self.quotas = _quotas(
            np.array([len(walk) for walk in self._walks]),
            self.num_batches_per_epoch * batch_size,
            group_temperature,
        )
        self._plan: tuple[int, np.ndarray, np.ndarray] | None = None

    def rows(self, n: int) -> tuple[np.ndarray, Bucket]:
        """Batch n, counting from 0 over all epochs.

        Args:
          n: 0 or larger.

        Returns:
          int64 [batch_size] row numbers, read-only, and the shape that they fit.

        Raises:
          ValueError: `n` is negative.
        """
        if n < 0:
            raise ValueError(f"there is no batch {n}; batches count from 0")
        epoch, place = divmod(n, self.num_batches_per_epoch)
        plan = self._plan
        if plan is None or plan[0] != epoch:
            plan = self._plan = (epoch, *self._epoch_plan(epoch))
        return plan[1][place], self._buckets[plan[2][place]]

    def _epoch_plan(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """int64 [batches, batch_size] rows and int [batches] buckets."""
        rng = _generator(self._seed, epoch)
        draws = rng.permutation(
            np.concatenate(
                [
                    np.take(
                        walk, np.arange(epoch * quota, (epoch + 1) * quota), mode="wrap"
                    )
                    for walk, quota in zip(
                        self._walks, self.quotas.tolist(), strict=True
                    )
                    if quota
                ]
            )
        )
        # Cut where the sorted buckets run through: a batch on a border takes the larger
        # bucket, that of its last row.
        by_bucket = np.argsort(self._bucket_of[draws], kind="stable")
        rows = draws[by_bucket].reshape(self.num_batches_per_epoch, self.batch_size)
        rows = rows[rng.permutation(len(rows))]
        # Callers get views of the plan; a write would change later batches.
        rows.setflags(write=False)
        return rows, self._bucket_of[rows].max(axis=1)


def evaluation_batches(
    lengths_S: np.ndarray,
    lengths_T: np.ndarray,
    *,
    batch_size: int,
    buckets: Sequence[Bucket],
) -> Iterator[tuple[np.ndarray, np.ndarray, Bucket]]:
    """Every row exactly once, shortest first, in full batches.

    Args:
      lengths_S: int [N], source lengths.
      lengths_T: int [N], target lengths.
      batch_size: rows per batch.
      buckets: shapes, rising in both columns.

    Yields:
      int64 [batch_size] rows, bool [batch_size] that is false where the last batch is
      filled up with a row that was already given, and the batch's shape.

    Raises:
      ValueError: `batch_size` below 1, or a row that fits no bucket.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size {batch_size} must be at least 1")
    bucket_of = assign_buckets(lengths_S, lengths_T, buckets)
    order = np.lexsort((lengths_T, lengths_S, bucket_of))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        mask = np.arange(batch_size) < len(rows)
        s, t = buckets[bucket_of[rows[-1]]]
        yield np.pad(rows, (0, batch_size - len(rows)), mode="edge"), mask, (s, t)


def assign_buckets(
    lengths_S: np.ndarray, lengths_T: np.ndarray, buckets: Sequence[Bucket]
) -> np.ndarray:
    """The smallest bucket that holds each row.

    Args:
      lengths_S: int [N].
      lengths_T: int [N].
      buckets: shapes, rising in both columns.

    Returns:
      int16 [N], positions in `buckets`.

    Raises:
      ValueError: no buckets, buckets that do not rise, or a row that fits none.
    """
    shapes = np.asarray(buckets, np.int64).reshape(-1, 2)
    if not len(shapes) or (np.diff(shapes, axis=0) < 0).any():
        raise ValueError(f"buckets must rise in both columns, got {list(buckets)}")
    needed = np.maximum(
        np.searchsorted(shapes[:, 0], lengths_S),
        np.searchsorted(shapes[:, 1], lengths_T),
    )
    if (too_long := needed == len(shapes)).any():
        first = int(too_long.argmax())
        raise ValueError(
            f"row {first} has lengths ({lengths_S[first]}, {lengths_T[first]}) and "
            f"does not fit the largest bucket {tuple(shapes[-1].tolist())}; "
            f"{int(too_long.sum())} rows do not; add a larger bucket or drop them"
        )
    return needed.astype(np.int16)


def _quotas(counts: np.ndarray, total: int, temperature: float) -> np.ndarray:
    """Splits `total` draws among groups; largest remainders get the odd ones.

    A group with rows gets one draw at least, at the cost of the largest: quotas are the
    same in every epoch, so a group without draws would never be seen.

    Raises:
      ValueError: there are fewer draws than groups with rows.
    """
    if total < (counts > 0).sum():
        raise ValueError(
            f"{total} draws an epoch do not reach {(counts > 0).sum()} groups; take a "
            "smaller batch_size or more rows"
        )
    shares = np.where(counts > 0, np.maximum(counts, 1) ** (1.0 / temperature), 0.0)
    exact = total * shares / shares.sum()
    quotas = np.floor(exact).astype(np.int64)
    odd = np.argsort(quotas - exact, kind="stable")[: total - int(quotas.sum())]
    quotas[odd] += 1
    quotas = np.maximum(quotas, counts > 0)
    for _ in range(int(quotas.sum()) - total):
        quotas[quotas.argmax()] -= 1
    return quotas


def _generator(seed: int, stream: int) -> np.random.Generator:
    # As uint64 from the start: a list of such numbers would pass through float64, where
    # neighbouring keys are one.
    key = np.array([seed, stream], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))
