"""The EPIK student and its stages, as settings.

What a stage is taught lies in `lessons`, what it imitates in `imitation`, with what the
first one begins in `start`. The student reads X and writes Y; it never writes English.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

from epik_jax.bounds import LARGEST_SEED, within
from epik_jax.recipes.legs import Leg
from epik_jax.recipes.transliteration.imitation import ImitationConfig
from epik_jax.recipes.transliteration.sizes import ModelConfig
from epik_jax.recipes.transliteration.streams import BatchConfig
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class StageConfig:
    """One leg of the student's training.

    Attributes:
      name: of the stage.
      data: kinds of examples: "transfer" (the chain's answers), "back" (sources that
        the teacher wrote for gold words), "gold" (native to English and back),
        "joined" (words that share a romanisation; no teacher).
      hypotheses: train on the best answer, or on all by their weights.
      drop_share: share of transfer examples, the least confident, that is left out.
      imitation: the terms.
      trainable: path patterns of what moves.
      batches: batch size, buckets, sampling.
      optimizer: settings of the update.
      loop: lengths and intervals.
      seed: of dropout.
    """

    name: str
    data: tuple[str, ...]
    imitation: ImitationConfig
    batches: BatchConfig
    optimizer: OptimizerConfig
    loop: LoopConfig
    hypotheses: Literal["best", "all"] = "best"
    drop_share: float = 0.0
    trainable: tuple[str, ...] = ("",)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses data that the terms cannot be computed on."""
        if not re.fullmatch(r"[\w.-]*\w[\w.-]*", self.name) or self.name == "matra":
            raise ValueError(
                f"stage name {self.name!r}: take letters, digits, '_', '-' and '.', "
                "and not 'matra', which is the teacher's"
            )
        if not self.trainable:
            raise ValueError(
                f"stage {self.name}: trainable names nothing; "
                '"^student/" names all of it'
            )
        for pattern in self.trainable:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"trainable {pattern!r}: {error}") from error
        within(self, 0, LARGEST_SEED, "seed")
        unknown = set(self.data) - {"transfer", "back", "gold", "joined"}
        if unknown or not self.data:
            raise ValueError(f"stage {self.name}: data {self.data} is not known")
        if not 0.0 <= self.drop_share < 1.0:
            raise ValueError(f"drop_share {self.drop_share} is not in [0, 1)")
        if self.imitation.fields and self.data != ("transfer",):
            raise ValueError(
                f"stage {self.name}: {self.imitation.fields} are known for "
                f"'transfer' examples alone, not for {self.data}"
            )
        if self.imitation.soft_kl and self.hypotheses != "best":
            raise ValueError(
                f"stage {self.name}: distributions are cached along the best "
                "hypothesis; set hypotheses to 'best'"
            )

    @property
    def trains_gate(self) -> bool:
        """Whether the gate of slots learns in it."""
        moves = any(re.search(rule, "student/gate/kernel") for rule in self.trainable)
        return bool(self.imitation.gate) and moves


@dataclasses.dataclass(frozen=True)
class StudentConfig:
    """The student.

    Attributes:
      model: sizes.
      start: from the teacher's parameters, or drawn.
      stages: in order.
      seed: of drawn parameters.
    """

    model: ModelConfig
    stages: tuple[StageConfig, ...]
    start: Literal["teacher", "random"] = "teacher"
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuses stages that nothing tells apart or nothing fits, and idle slots."""
        within(self, 0, LARGEST_SEED, "seed")
        names = [stage.name for stage in self.stages]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"stages {names} are none, or have a name twice")
        slots = self.model.num_slots
        for stage in self.stages:
            try:
                self.model.demand_room(stage.batches.buckets)
            except ValueError as error:
                raise ValueError(f"stage {stage.name}: {error}") from error
            if stage.imitation.alignment == "slots" and not slots:
                raise ValueError(
                    f"stage {stage.name}: alignment 'slots' needs model.num_slots "
                    "above 0"
                )
        if slots and not any(stage.trains_gate for stage in self.stages):
            raise ValueError(
                f"model.num_slots is {slots}, and no stage learns which slots are in "
                'use: give one an imitation.gate above 0 and "^student/gate/" in '
                "trainable, or set num_slots to 0"
            )

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        return {f"stages[{place}]": stage for place, stage in enumerate(self.stages)}

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of examples that the stages are trained on."""
        return frozenset(kind for stage in self.stages for kind in stage.data)
