"""Devices of a run, as settings."""

from __future__ import annotations

import dataclasses

from epik_jax.bounds import demand


@dataclasses.dataclass(frozen=True)
class MeshConfig:
    """Devices.

    Attributes:
      data: ways that a batch is split; 0 for as many as devices allow.
      model: ways that wide parameters are split.
    """

    data: int = 1
    model: int = 1

    def __post_init__(self) -> None:
        """Refuses a mesh without devices."""
        demand(self, 0, "data")
        demand(self, 1, "model")
