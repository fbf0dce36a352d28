"""Rows of unequal length through a compiled pass, and the answers back in order.

Rows are sorted by length and padded to few shapes, so that nothing is compiled after
the first pass; an answer is fetched after the next batch is dispatched. What a pass
computes is its owner's business.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh

from epik_jax.data.order import evaluation_batches
from epik_jax.parallel import mesh as meshes
from epik_jax.parallel import processes, rules
from epik_jax.ragged import Ragged
from epik_jax.structs import Array, Params

WIDTH_STEP = 4
"""Padded lengths are multiples of this: few shapes, little padding."""


@dataclasses.dataclass(frozen=True)
class Placed:
    """Parameters on the devices that they answer on.

    Attributes:
      host_params: parameter tree, wherever it lies.
      mesh: devices.
      longest: most tokens of a row.
    """

    host_params: Params
    mesh: Mesh
    longest: int

    @property
    def shares(self) -> int:
        """Parts that rows are split into."""
        return self.mesh.shape["data"]

    @functools.cached_property
    def params(self) -> Params:
        """The parameters where they belong."""
        placed = rules.shardings(self.mesh, self.host_params)
        return jax.device_put(self.host_params, placed)

    def rows(self, *arrays: np.ndarray) -> tuple[Array, ...]:
        """Arrays whose first axis is rows, where the passes want them."""
        # One device takes them as they are: placing them takes a tenth of the time
        # that a single word does.
        if self.mesh.size == 1:
            return arrays
        return meshes.spread(self.mesh, arrays)

    def answers(
        self,
        sources: Ragged,
        batch_size: int,
        dispatch: Callable[[np.ndarray, int], Any],
    ) -> Iterator[tuple[np.ndarray, Any]]:
        """Yields row numbers and what `dispatch` gave for them, batch by batch.

        Args:
          sources: N rows of tokens.
          batch_size: rows asked together.
          dispatch: takes row numbers and the padded width.

        Raises:
          ValueError: a row is longer than `longest`.
        """
        waiting: tuple[np.ndarray, np.ndarray, Any] | None = None
        for rows, real, width in self._batches(sources, batch_size):
            asked = rows, real, dispatch(rows, width)
            if waiting is not None:
                yield _fetched(*waiting)
            waiting = asked
        if waiting is not None:
            yield _fetched(*waiting)

    def _batches(
        self, sources: Ragged, batch_size: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        longest = int(sources.lengths.max(initial=1))
        if longest > self.longest:
            raise ValueError(
                f"a source of {longest} tokens is longer than the {self.longest} that "
                "the network reads"
            )
        widths = padded_widths(self.longest)
        few = 1 << max(len(sources) - 1, 0).bit_length()
        none = np.zeros(len(sources), np.int64)
        for rows, real, (width, _) in evaluation_batches(
            sources.lengths,
            none,
            batch_size=meshes.filled_up(self.mesh, min(batch_size, few)),
            buckets=[(width, 0) for width in widths],
        ):
            yield rows, real, width


class OnMesh(Protocol):
    """A network that answers on a mesh, a frozen dataclass."""

    @property
    def mesh(self) -> Mesh | None:
        """Devices; None for the first one."""
        ...


NetworkT = TypeVar("NetworkT", bound=OnMesh)


def alone(network: NetworkT) -> NetworkT:
    """The network on the devices of this process, whatever others are asked."""
    if network.mesh is None or meshes.own(network.mesh) == network.mesh:
        return network
    return dataclasses.replace(network, mesh=meshes.own(network.mesh))  # type: ignore[type-var]


def padded_widths(longest: int) -> tuple[int, ...]:
    """What rows of up to `longest` tokens are padded to."""
    return *range(WIDTH_STEP, longest, WIDTH_STEP), longest


def rounded_up(length: Any) -> Any:
    """An integer or an array of them, to the next multiple of `WIDTH_STEP`."""
    return -(-length // WIDTH_STEP) * WIDTH_STEP


def fill(out: Ragged, rows: np.ndarray, padded_BLX: np.ndarray) -> None:
    """Writes padded rows to their places, without the padding."""
    places = np.arange(padded_BLX.shape[1])
    mask_BL = places < out.lengths[rows][:, None]
    starts_BL = out.offsets[:-1][rows][:, None] + places
    out.values[starts_BL[mask_BL]] = padded_BLX[mask_BL]


def _fetched(rows: np.ndarray, real: np.ndarray, answer: Any) -> tuple[np.ndarray, Any]:
    """An answer on the host, without the rows that fill its batch up."""
    host = processes.fetched(answer)
    return rows[real], jax.tree.map(lambda a: a[real], host)
