"""The device mesh and how batches lie on it.

One mesh for one device and for all of several processes: rows are split over "data",
wide parameters over "model". Every mesh that something runs on is made here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec


def make_mesh(data: int, model: int = 1) -> Mesh:
    """A ("data", "model") mesh over the first data * model devices.

    Args:
      data: ways that rows are split; 0 for as many as there are devices for.
      model: ways that wide parameters are split.

    Raises:
      ValueError: there are fewer devices than that; or there are more, and several
        processes, one of which would have nothing to do.
    """
    devices = jax.devices()
    data = data or max(1, len(devices) // model)
    wanted = data * model
    if wanted > len(devices):
        raise ValueError(
            f"a mesh of {data} x {model} needs {wanted} devices, "
            f"{len(devices)} are there"
        )
    if wanted < len(devices) and jax.process_count() > 1:
        raise ValueError(
            f"a mesh of {data} x {model} leaves out some of the {len(devices)} devices "
            f"of {jax.process_count()} processes; take all: set config.mesh.data to 0"
        )
    return mesh_of(devices[:wanted], data, model)


def one_device() -> Mesh:
    """A mesh of the first device of this process alone."""
    return mesh_of(jax.local_devices()[:1], 1, 1)


def own(mesh: Mesh) -> Mesh:
    """The part of a mesh that is this process's, to be asked without the others.

    `Mesh.local_mesh` refuses devices that do not lie side by side, as those of a TPU's
    host need not.
    """
    here = _here(mesh)
    if here.all():
        return mesh
    mine, num_rows = mesh.devices[here], int(here.any(axis=1).sum())
    # Where rows do not end where the devices of a process do, each answers for itself.
    shape = (len(mine), 1) if len(mine) % num_rows else (num_rows, -1)
    devices = mine.reshape(shape)
    return Mesh(devices, mesh.axis_names, axis_types=(AxisType.Auto, AxisType.Auto))


def _here(mesh: Mesh) -> np.ndarray:
    """Bool [data, model], true where a device is this process's."""
    mine = jax.process_index()
    places = [device.process_index == mine for device in mesh.devices.flat]
    return np.reshape(places, mesh.devices.shape)


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


def own_share(mesh: Mesh) -> Callable[[np.ndarray], np.ndarray]:
    """What takes the rows of a batch that lie on this process's devices."""
    sharding = rows(mesh)

    def share(whole: np.ndarray) -> np.ndarray:
        demand_split(mesh, len(whole))
        places = sharding.addressable_devices_indices_map((len(whole),)).values()
        here = sorted({place[0].indices(len(whole))[:2] for place in places if place})
        return np.concatenate([whole[start:end] for start, end in here])

    return share


def to_global(mesh: Mesh, batch: Any, num_parts: int = 1) -> Any:
    """Places a host batch on the mesh, rows split over "data".

    Args:
      mesh: from `make_mesh`.
      batch: tree of numpy arrays, of which each process has its `own_share`.
      num_parts: microbatches that each device will split its rows into.

    Raises:
      ValueError: the batch size is not a multiple of the "data" axis times the parts.
    """
    sharding = rows(mesh)
    share, mine = mesh.shape["data"], int(_here(mesh).any(axis=1).sum())

    def place(array: np.ndarray) -> jax.Array:
        whole = (len(array) * share // mine, *array.shape[1:])
        demand_split(mesh, whole[0], num_parts)
        return jax.make_array_from_process_local_data(sharding, array, whole)

    return jax.tree.map(place, batch)


def spread(mesh: Mesh, batch: Any) -> Any:
    """Places a host batch that every process has as a whole, rows split over "data".

    Raises:
      ValueError: the batch size is not a multiple of the "data" axis.
    """
    return to_global(mesh, jax.tree.map(own_share(mesh), batch))
