"""The EPIK student: its stages as settings, and the parameters that it starts from.

What a stage is taught lies in `lessons`, what it imitates in `imitation`. The student
reads X and writes Y; it never writes English.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Literal

import numpy as np

from epik_jax import trees
from epik_jax.bounds import LARGEST_SEED, within
from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.imitation import ImitationConfig
from epik_jax.recipes.sizes import ModelConfig
from epik_jax.recipes.streams import BatchConfig
from epik_jax.teachers.forward import Network
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

_BLOCK = re.compile(r"(student/(encoder|decoder)/block_)(\d+)(/.*)")


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
            raise ValueError(f"stage {self.name}: trainable names nothing")
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
        """Refuses stages that cannot be told apart, none at all, and idle slots."""
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
    def kinds(self) -> frozenset[str]:
        """Kinds of examples that the stages are trained on."""
        return frozenset(kind for stage in self.stages for kind in stage.data)


def initial_student(
    config: StudentConfig, model: TransformerConfig, teacher: Network
) -> dict[str, Any]:
    """Parameters before the first stage: {"student": ...}, and "bridge" if needed.

    From a teacher of equal width: the first block of a side starts as the teacher's
    first, the last as its last, those between as what lies as far along; so a
    shallower student skips blocks and a deeper one repeats them. Where widths differ a
    bridge leads from the student's states to the teacher's; it trains with the student
    and is not exported.

    Raises:
      ValueError: the teacher has no parameter of that shape to start from.
    """
    shapes = {"student": transformer.parameter_shapes(model)}
    student = trees.flatten(initial.init_params(shapes, config.seed))
    if config.start == "teacher":
        given = trees.flatten(teacher.params, "student/")
        table = given["student/embedding"]
        read = given.setdefault("student/encoder_embedding", table)
        if model.shared_embedding and read is not table:
            raise ValueError(
                "the teacher has an encoder_embedding of its own; set "
                "student.model.shared_embedding to False"
            )
        for path, leaf in student.items():
            if "student/gate/" in path:
                continue
            source = _counterpart(path, model, teacher.config)
            if source not in given or given[source].shape != leaf.shape:
                raise ValueError(
                    f"the teacher has no {path} of shape {leaf.shape}; "
                    "set student.start to 'random'"
                )
            student[path] = np.asarray(given[source])
    bridge = {
        f"bridge/hidden/{name}": initial.draw(f"bridge/{name}", shape, config.seed)
        for name, shape in _bridge_shapes(config, model, teacher.config).items()
    }
    return trees.unflatten(student | bridge)


def demand_trainable(stage: StageConfig, start: dict[str, Any]) -> None:
    """Refuses a stage whose `trainable` names what the student does not have.

    Raises:
      ValueError: a pattern matches no parameter; says what there is.
    """
    try:
        trees.partition(start, stage.trainable)
    except ValueError as error:
        raise ValueError(f"stage {stage.name}: trainable: {error}") from error


def _counterpart(
    path: str, student: TransformerConfig, teacher: TransformerConfig
) -> str:
    """Path in the teacher of what a leaf of the student starts as."""
    found = _BLOCK.fullmatch(path)
    if not found:
        return path
    before, side, number, after = found.groups()
    last, taught_last = (
        getattr(config, f"{side}_layers") - 1 for config in (student, teacher)
    )
    place = round(int(number) * taught_last / max(last, 1))
    return f"{before}{place:02d}{after}"


def _bridge_shapes(
    config: StudentConfig, student: TransformerConfig, teacher: TransformerConfig
) -> dict[str, tuple[int, ...]]:
    """None where widths are equal, or no stage imitates encoder states.

    Raises:
      ValueError: a stage imitates them and does not train the bridge.
    """
    imitating = [s for s in config.stages if s.imitation.hidden]
    if student.width == teacher.width or not imitating:
        return {}
    for stage in imitating:
        if not any(re.search(rule, "bridge/hidden/kernel") for rule in stage.trainable):
            raise ValueError(
                f"stage {stage.name}: student and teacher differ in width; name the "
                'bridge between them in trainable: "^bridge/"'
            )
    return {"kernel": (student.width, teacher.width), "bias": (teacher.width,)}
