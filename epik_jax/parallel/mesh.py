"""The device mesh and how batches lie on it.

One mesh for one device and for all of a process: rows are split over "data", wide
parameters over "model". Every mesh that something runs on is made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec


def demand_one_process() -> None:
    """Refuses to be one of several processes: each would train and write as if alone.

    Raises:
      ValueError: there are others.
    """
    if (count := jax.process_count()) > 1:
        raise ValueError(
            f"JAX runs in {count} processes here; a run takes the devices of one "
            "process: start it once, on one machine"
        )


def make_mesh(data: int, model: int = 1) -> Mesh:
    """A ("data", "model") mesh over the first data * model devices.

    Raises:
      ValueError: there are fewer devices than that.
    """
    devices = jax.devices()
    if data * model > len(devices):
        raise ValueError(
            f"a mesh of {data} x {model} needs {data * model} devices, "
            f"{len(devices)} are there"
        )
    return mesh_of(devices[: data * model], data, model)


def mesh_of(devices: Sequence[jax.Device], data: int, model: int) -> Mesh:
    """A ("data", "model") mesh of just these devices, whether they are there or not.

    Axes are Auto: under the Explicit default a sharded lookup is an error.
    """
    return jax.make_mesh(
        (data, model),
        ("data", "model"),
        devices=devices,
        axis_types=(AxisType.Auto, AxisType.Auto),
    )


def replicated(mesh: Mesh) -> NamedSharding:
    """A whole copy on every device."""
    return NamedSharding(mesh, PartitionSpec())


def rows(mesh: Mesh) -> NamedSharding:
    """The first axis split over "data"."""
    return NamedSharding(mesh, PartitionSpec("data"))


def demand_split(mesh: Mesh, num_rows: int, num_parts: int = 1) -> None:
    """Refuses a batch of which devices would not have equally many rows.

    Raises:
      ValueError: its size is not a multiple of the "data" axis times the parts.
    """
    share = mesh.shape["data"]
    if num_rows % (share * num_parts):
        parts = f", in {num_parts} microbatches each" if num_parts > 1 else ""
        raise ValueError(
            f"a batch of {num_rows} rows does not split over {share} devices{parts}: "
            f"take a multiple of {share * num_parts}"
        )


def filled_up(mesh: Mesh, num_rows: int) -> int:
    """So many rows and the fewest more with which devices have equally many."""
    share = mesh.shape["data"]
    return -(-num_rows // share) * share


def to_global(mesh: Mesh, batch: Any, num_parts: int = 1) -> Any:
    """Places a host batch on the mesh, rows split over "data".

    Args:
      mesh: from `make_mesh`.
      batch: tree of numpy arrays.
      num_parts: microbatches that each device will split its rows into.

    Raises:
      ValueError: the batch size is not a multiple of the "data" axis times the parts.
    """
    sharding = rows(mesh)

    def place(array: np.ndarray) -> jax.Array:
        demand_split(mesh, array.shape[0], num_parts)
        return jax.make_array_from_process_local_data(sharding, array)

    return jax.tree.map(place, batch)
