"""Everything that a run is told, by recipe, as frozen values."""

from __future__ import annotations

import dataclasses

from epik_jax.models.computing import PLAIN, Computing
from epik_jax.recipes.legs import Leg, below
from epik_jax.recipes.mesh_config import MeshConfig
from epik_jax.recipes.transliteration.corpus import DataConfig
from epik_jax.recipes.transliteration.epik import EpikConfig
from epik_jax.recipes.transliteration.lexicons import LexiconConfig
from epik_jax.recipes.transliteration.matra import MatraConfig
from epik_jax.recipes.transliteration.scoreboard import ScoreboardConfig


@dataclasses.dataclass(frozen=True)
class MatraRun:
    """A run of the MATra recipe: data, training, measuring, devices."""

    data: DataConfig
    teacher: MatraConfig
    lexicons: LexiconConfig = dataclasses.field(default_factory=LexiconConfig)
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)
    compute: Computing = PLAIN

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        return {"teacher": self.teacher}


@dataclasses.dataclass(frozen=True)
class EpikRun:
    """A run of the EPIK recipe: data, everything of the recipe, measuring, devices."""

    data: DataConfig
    epik: EpikConfig
    scoreboard: ScoreboardConfig = dataclasses.field(default_factory=ScoreboardConfig)
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)
    compute: Computing = PLAIN

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        return below("epik", self.epik.legs)
