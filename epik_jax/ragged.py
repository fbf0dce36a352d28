"""Rows of unequal length in one flat array.

The form in which encoded text and teacher signals are held on the host; `padded` cuts
out a batch without a loop over rows. It knows nothing of files or devices.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Ragged:
    """N rows; row i is `values[offsets[i]:offsets[i + 1]]`.

    Attributes:
      values: [sum of lengths, ...], any dtype.
      offsets: int64 [N + 1], rising, from 0.
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], dtype: str = "int32") -> Ragged:
        """Packs a list of integer rows."""
        lengths = np.fromiter((len(r) for r in rows), np.int64, len(rows))
        flat = (x for r in rows for x in r)
        return cls.from_lengths(np.fromiter(flat, dtype, int(lengths.sum())), lengths)

    @classmethod
    def from_lengths(cls, values: np.ndarray, lengths: np.ndarray) -> Ragged:
        """Packs values that already stand one row after the other."""
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        if offsets[-1] != len(values):
            raise ValueError(f"lengths sum to {offsets[-1]}, values hold {len(values)}")
        return cls(values, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, index: int) -> np.ndarray:
        """The values of one row, a view."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """int64 [N]."""
        return np.diff(self.offsets)

    def take(self, rows: np.ndarray) -> Ragged:
        """The named rows, in that order."""
        lengths = self.lengths[rows]
        starts = np.repeat(self.offsets[:-1][rows], lengths)
        ends = np.cumsum(lengths)
        within = np.arange(int(lengths.sum())) - np.repeat(ends - lengths, lengths)
        return Ragged.from_lengths(self.values[starts + within], lengths)

    def framed(self, firsts: np.ndarray | None, last: int) -> Ragged:
        """Rows with one value more at the end and, where given, one at the beginning.

        Args:
          firsts: [N], what each row begins with; None for nothing.
          last: what all rows end with.
        """
        lead = 0 if firsts is None else 1
        framed = Ragged.from_lengths(
            np.full(len(self.values) + (lead + 1) * len(self), last, self.values.dtype),
            self.lengths + lead + 1,
        )
        # Row i has been pushed right by the frames of the i rows before it.
        shift = np.repeat((lead + 1) * np.arange(len(self)) + lead, self.lengths)
        framed.values[np.arange(len(self.values)) + shift] = self.values
        if firsts is not None:
            framed.values[framed.offsets[:-1]] = firsts
        return framed

    def padded(
        self, rows: np.ndarray, width: int, fill: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cuts out a batch.

        Args:
          rows: int [B], which rows.
          width: columns of the result.
          fill: value of the padding.

        Returns:
          [B, width, ...] of `values`' dtype, and bool [B, width], true where real.

        Raises:
          ValueError: a row is longer than `width`.
        """
        lengths = self.lengths[rows]
        if len(rows) and lengths.max() > width:
            raise ValueError(
                f"a row of {lengths.max()} does not fit a width of {width}"
            )
        columns = np.arange(width)
        mask = columns < lengths[:, None]
        out = np.full(
            (len(rows), width, *self.values.shape[1:]), fill, self.values.dtype
        )
        out[mask] = self.values[(self.offsets[:-1][rows][:, None] + columns)[mask]]
        return out, mask
