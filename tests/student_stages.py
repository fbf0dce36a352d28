"""A stage of a student with the settings that a test gives it, for several files."""

from __future__ import annotations

from epik_jax.recipes.transliteration.imitation import ImitationConfig
from epik_jax.recipes.transliteration.streams import BatchConfig
from epik_jax.recipes.transliteration.student import StageConfig
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig


def stage(**changes):
    settings = {
        "name": "s",
        "data": ("transfer",),
        "imitation": ImitationConfig(),
        "batches": BatchConfig(),
        "optimizer": OptimizerConfig(),
        "loop": LoopConfig(1),
    }
    return StageConfig(**{**settings, **changes})
