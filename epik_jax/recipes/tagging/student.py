"""The student's settings: a BiLSTM, how it is taught, and for how long.

Which stages there are follows from `strategies`, what they are made of from
`curriculum`.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from typing import Literal

from epik_jax.bounds import (
    LARGEST_SEED,
    LARGEST_WEIGHT,
    LARGEST_WIDTH,
    demand,
    demand_rate,
    within,
)
from epik_jax.models.labeller_config import BilstmLabellerConfig, LabellerConfig
from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.recipes.tagging.distillation import Distance
from epik_jax.recipes.tagging.strategies import (
    PARTS,
    Part,
    Strategy,
    SubStage,
    sub_stages,
)
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

_VALIDATIONS = 12


@dataclasses.dataclass(frozen=True)
class BilstmConfig:
    """Sizes of the student, without what follows from pieces, labels and teacher.

    Attributes:
      embedding: E.
      hidden: H, units of each direction.
      projection: "shipped" labels what is projected to the teacher's width, "bridge"
        labels the BiLSTM's states, and the projection stays behind.
      pooling: of a student that labels sentences: where both directions ended, or the
        largest of each unit.
      dropout: rate on embeddings and states.
      recurrent_dropout: rate on the state that goes round.
      matmul_dtype: what products are computed from.
    """

    embedding: int = 50
    hidden: int = 200
    projection: Literal["shipped", "bridge"] = "shipped"
    pooling: Literal["last", "max"] = "last"
    dropout: float = 0.2
    recurrent_dropout: float = 0.2
    matmul_dtype: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        """Refuses sizes that no network could have, before any teacher is trained."""
        within(self, 1, LARGEST_WIDTH, "embedding", "hidden")
        demand_rate(self, "dropout", "recurrent_dropout")

    def sized(
        self, vocab_size: int, teacher: LabellerConfig, layer: int
    ) -> BilstmLabellerConfig:
        """The network over so many pieces, beside a teacher of which it learns."""
        shipped = self.projection == "shipped"
        return BilstmLabellerConfig(
            vocab_size=vocab_size,
            embedding=self.embedding,
            hidden=self.hidden,
            projection=teacher.width_of(layer) if shipped else 0,
            labels=teacher.labels,
            pooling=self.pooling if teacher.pools else "none",
            max_length=teacher.max_length,
            dropout=self.dropout,
            recurrent_dropout=self.recurrent_dropout,
            matmul_dtype=self.matmul_dtype,
        )


@dataclasses.dataclass(frozen=True)
class TaggingStudentConfig:
    """The student.

    Attributes:
      model: sizes.
      batches: batch size, widths, sampling; the order follows `seed` and the stage.
      optimizer: settings of the update, anew in each stage.
      loop: of the whole student, `num_steps`, which its stages share; intervals and
        patience are those of each stage, which is validated a dozen times at least.
      strategy: a row of table 3 of the paper.
      start: embeddings begin as an SVD of the teacher's, or are drawn.
      layer: of the teacher, whose states are learnt: 0 for its embedding.
      distance: of states.
      weights: of representation, logits and labels, where they are learnt at once.
      shares: of the steps, of representation, logits and labels.
      thawing: legs in which parameters thaw, of strategies that thaw.
      cycles: cosine cycles in each stage, each twice as long as the one before and
        beginning at 0.97 of its peak.
      num_held_out: transfer sentences that are not trained on, so that stages without
        labels are validated on them.
      num_validated: dev sentences of each list that a validation tags.
      seed: of drawn parameters, dropout and the order of sentences.
    """

    model: BilstmConfig
    batches: RowBatchConfig
    optimizer: OptimizerConfig
    loop: LoopConfig
    strategy: Strategy = "D4.2"
    start: Literal["svd", "random"] = "svd"
    layer: int = 0
    distance: Distance = "mse"
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shares: tuple[float, float, float] = (0.3, 0.4, 0.3)
    thawing: tuple[Part, ...] = PARTS
    cycles: int = 1
    num_held_out: int = 1000
    num_validated: int = 200
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing."""
        demand(self, 0, "layer")
        demand(self, 1, "num_held_out", "num_validated")
        within(self, 1, 10, "cycles")
        within(self, 0, LARGEST_SEED, "seed")
        for name in ("weights", "shares"):
            for part, value in zip(PARTS, getattr(self, name), strict=True):
                if not 0 < value <= LARGEST_WEIGHT:
                    raise ValueError(f"{name} of {part} is {value}, not above 0")
        if self.batches.seed:
            raise ValueError(
                f"batches.seed is {self.batches.seed}: a student's order follows its "
                "own seed; set that"
            )
        if self.optimizer.schedule == "sgdr":
            raise ValueError(
                "schedule 'sgdr' wants a period of each stage: take 'cosine' and cycles"
            )

    @property
    def sub_stages(self) -> tuple[SubStage, ...]:
        """The stages of the strategy."""
        return sub_stages(
            self.strategy,
            bridge=self.model.projection == "bridge",
            thawing=self.thawing,
            shares=self.shares,
        )

    @property
    def parts(self) -> frozenset[Part]:
        """All that is learnt, in whatever stage."""
        return frozenset(part for stage in self.sub_stages for part in stage.parts)

    def demand_teachable(self, teacher: LabellerConfig) -> None:
        """Refuses a student that a teacher of such sizes cannot teach.

        Raises:
          ValueError: it has no such layer or too few directions, or reads more pieces
            than the student's batches hold.
        """
        if self.layer > teacher.num_layers:
            raise ValueError(
                f"student.layer is {self.layer}, and the teacher has "
                f"{teacher.num_layers} above its embedding"
            )
        if self.start == "svd" and self.model.embedding > teacher.width_of(0):
            raise ValueError(
                f"embedding is {self.model.embedding}, and the teacher's have "
                f"{teacher.width_of(0)} numbers: ask for no more, or for "
                "student.start 'random'"
            )
        if (widest := self.batches.widths[-1]) < teacher.max_length:
            raise ValueError(
                f"the student's widest batches hold {widest} pieces, and the teacher "
                f"reads {teacher.max_length}: give student.batches.widths up to that"
            )

    def seed_of(self, stage: SubStage) -> int:
        """Of dropout and order in a stage: each sees its sentences in another order."""
        return zlib.crc32(f"{self.seed}/{stage.name}".encode())

    @property
    def holds_out(self) -> bool:
        """Whether sentences are held out; stages with labels look at dev lists."""
        return any("labels" not in stage.parts for stage in self.sub_stages)

    def loop_of(self, stage: SubStage) -> LoopConfig:
        """Lengths of a stage: its share of all steps, and how often it is looked at.

        Often enough for patience to end it, and for the best to be near the end.
        """
        num_steps = max(1, round(self.loop.num_steps * stage.share))
        every = min(self.loop.validate_every, max(1, num_steps // _VALIDATIONS))
        return dataclasses.replace(self.loop, num_steps=num_steps, validate_every=every)

    def scheduled(self, stage: SubStage) -> OptimizerConfig:
        """Settings of the update in a stage; of few steps, few warm up."""
        num_steps = self.loop_of(stage).num_steps
        warmup = min(self.optimizer.warmup_steps, num_steps // 10)
        warmed = dataclasses.replace(self.optimizer, warmup_steps=warmup)
        if self.cycles == 1:
            return warmed
        growth = self.optimizer.restart_growth
        whole = sum(growth**n for n in range(self.cycles))
        # Rounded up: a cycle more, of a few steps, would begin at the peak.
        period = math.ceil((num_steps - warmup) / whole)
        return dataclasses.replace(warmed, schedule="sgdr", restart_period=period)
