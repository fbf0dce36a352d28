"""Everything that a run is told, by recipe, as frozen values."""

from __future__ import annotations

import dataclasses

from epik_jax.bounds import demand
from epik_jax.recipes.corpus import DataConfig
from epik_jax.recipes.epik import EpikConfig
from epik_jax.recipes.lexicons import LexiconConfig
from epik_jax.recipes.matra import MatraConfig
from epik_jax.recipes.scoreboard import ScoreboardConfig


@dataclasses.dataclass(frozen=True)
class MeshConfig:
    """Devices.

    Attributes:
      data: ways that a batch is split.
      model: ways that wide parameters are split.
    """

    data: int = 1
    model: int = 1

    def __post_init__(self) -> None:
        """Refuses a mesh without devices."""
        demand(self, 1, "data", "model")


@dataclasses.dataclass(frozen=True)
class MatraRun:
    """A run of the MATra recipe: data, training, measuring, devices."""

    data: DataConfig
    teacher: MatraConfig
    lexicons: LexiconConfig = dataclasses.field(default_factory=LexiconConfig)
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)


@dataclasses.dataclass(frozen=True)
class EpikRun:
    """A run of the EPIK recipe: data, everything of the recipe, measuring, devices."""

    data: DataConfig
    epik: EpikConfig
    scoreboard: ScoreboardConfig = dataclasses.field(default_factory=ScoreboardConfig)
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)
