"""A mesh of TPU chips that are described and not there, to compile for.

A name goes in, a mesh comes out. Needs libtpu, which compiles on any host.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re

import numpy as np
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh

from epik_jax.parallel.mesh import mesh_of

_NAME = re.compile(r"\w+:\d+(x\d+)+")

_ALONE = {
    # Or it would ask the cloud for minutes which TPU it runs on.
    "TPU_SKIP_MDS_QUERY": "1",
    # Or it would say that it cannot find these out; what is described has its own.
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    # Several compilers at once are no harm where there is no chip to share.
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    # It tells every flag of every pass.
    "TPU_MIN_LOG_LEVEL": "3",
    "TPU_STDERR_LOG_LEVEL": "3",
}


def num_chips(topology: str) -> int:
    """Chips of a topology; some have two devices each.

    Raises:
      ValueError: it is not written as one.
    """
    if not _NAME.fullmatch(topology):
        raise ValueError(f"topology {topology!r} is not of the form v5e:4x8")
    return math.prod(int(part) for part in topology.partition(":")[2].split("x"))


def described_mesh(topology: str, model: int = 1) -> Mesh:
    """A ("data", "model") mesh over all chips of a topology.

    Args:
      topology: such as "v5e:4x8".
      model: chips that wide parameters are split over.

    Raises:
      ValueError: there is no such topology, its chips do not divide, or no compiler
        for it is installed.
    """
    num_chips(topology)
    for name, value in _ALONE.items():
        os.environ.setdefault(name, value)
    if importlib.util.find_spec("libtpu") is None:
        raise ValueError(
            "compiling for TPUs needs libtpu: pip install -r requirements-tpu.txt"
        )
    try:
        # The compiler takes a host's four chips for the least there is.
        alone = {"chips_per_host_bounds": (1, 1, 1)} if num_chips(topology) == 1 else {}
        found = topologies.get_topology_desc(
            platform="tpu", topology_name=topology, **alone
        )
    except (RuntimeError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise ValueError(f"topology {topology!r} cannot be had: {said}") from error
    devices = found.devices
    if len(devices) % model:
        raise ValueError(
            f"{len(devices)} devices of {topology} do not split over mesh.model={model}"
        )
    if len(devices) == num_chips(topology):
        return mesh_of(devices, len(devices) // model, model)
    # Two cores of a v4 are two devices here, which have no places on a torus.
    grid: np.ndarray = np.array(devices).reshape(-1, model)
    return Mesh(grid, ("data", "model"), axis_types=(AxisType.Auto,) * 2)
