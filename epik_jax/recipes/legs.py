"""All legs of training of a run, known before any of them begins.

Each recipe's settings say theirs, by key; what is asked of all of them is asked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from epik_jax.parallel import mesh as meshes
from epik_jax.parallel.mesh import Mesh
from epik_jax.training.loop import LoopConfig


class SizedBatches(Protocol):
    """Settings of batches, whatever they are of."""

    @property
    def batch_size(self) -> int:
        """Rows of a batch."""
        ...


class Leg(Protocol):
    """Settings of what is trained by batches in a loop."""

    @property
    def batches(self) -> SizedBatches:
        """What is trained on."""
        ...

    @property
    def loop(self) -> LoopConfig:
        """For how long, and in how many microbatches."""
        ...


def below(where: str, legs: Mapping[str, Leg]) -> dict[str, Leg]:
    """Legs by their keys, of settings that are found at a key themselves.

    Args:
      where: key of those settings.
      legs: by key below it.
    """
    return {f"{where}.{key}": leg for key, leg in legs.items()}


def demand_split(legs: Mapping[str, Leg], mesh: Mesh) -> None:
    """Refuses batches that do not split over the mesh, the last leg's too.

    Args:
      legs: by key of the configuration.
      mesh: of the run.

    Raises:
      ValueError: a batch whose rows would not be equally many on each; with its key.
    """
    for where, leg in legs.items():
        rows, parts = leg.batches.batch_size, leg.loop.num_microbatches
        try:
            meshes.demand_split(mesh, rows, parts)
        except ValueError as error:
            raise ValueError(f"config.{where}.batches.batch_size: {error}") from error
