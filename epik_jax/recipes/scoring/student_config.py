"""The student's settings: its sizes, whom it hears, and two stages of training.

What they are made of follows in `teaching`.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from epik_jax.bounds import (
    LARGEST_SEED,
    LARGEST_WEIGHT,
    LARGEST_WIDTH,
    demand,
    demand_rate,
    within,
)
from epik_jax.models.config import TransformerConfig
from epik_jax.models.neighbours import demand_offsets
from epik_jax.models.scorer_config import (
    BilstmScorerConfig,
    EncoderScorerConfig,
    Prediction,
    ScorerConfig,
    demand_prediction,
)
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.legs import Leg
from epik_jax.recipes.scoring.presets import PRESETS, Plan, Preset
from epik_jax.recipes.scoring.sizes import sized_encoder


@dataclasses.dataclass(frozen=True)
class BilstmSizes:
    """Sizes of a BiLSTM, without what follows from pieces, classes and teachers.

    Attributes:
      embedding: E.
      hidden: H, units of each direction.
      max_length: most pieces of a row, frame included.
      dropout: rate on embeddings and on what headers read.
      recurrent_dropout: rate on the state that goes round.
      matmul_dtype: what products are computed from.
    """

    embedding: int = 64
    hidden: int = 64
    max_length: int = 128
    dropout: float = 0.1
    recurrent_dropout: float = 0.1
    matmul_dtype: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        """Refuses sizes that no network could have."""
        within(self, 1, LARGEST_WIDTH, "embedding", "hidden")
        demand_rate(self, "dropout", "recurrent_dropout")


@dataclasses.dataclass(frozen=True)
class SoftConfig:
    """What a header is asked of its teacher.

    Attributes:
      space: probabilities, logits or log-probabilities are compared.
      loss: "mse" in any space; "kl" and "ce" of probabilities.
      temperature: softens both sides of "kl".
      ratio: of the soft part in the objective of the task; 1 less it is that of
        people's labels. The scale of the soft part depends on space and loss.
      weighing: teachers count alike; by `weights`; by their dev figures; each by how
        sure it is of a pair; or by what the student finds hard to learn of each.
      weights: of the teachers where `weighing` is "fixed"; else empty.

    Source of "learned": Kendall, Gal and Cipolla 2018, equation 10.
    """

    space: Literal["prob", "logit", "log_prob"] = "prob"
    loss: Literal["mse", "kl", "ce"] = "mse"
    temperature: float = 1.0
    ratio: float = 0.9
    weighing: Literal["equal", "fixed", "accuracy", "confidence", "learned"] = "equal"
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what means nothing."""
        within(self, 0.0, 1.0, "ratio")
        within(self, 1e-3, 1e3, "temperature")
        if self.loss != "mse" and self.space != "prob":
            raise ValueError(
                f"loss {self.loss!r} is of space 'prob' alone, not of {self.space!r}"
            )
        if self.temperature != 1.0 and self.loss != "kl":
            raise ValueError(f"temperature is of loss 'kl' alone, not of {self.loss!r}")
        if bool(self.weights) != (self.weighing == "fixed"):
            raise ValueError(
                f"weights are {self.weights} and weighing is {self.weighing!r}: "
                "'fixed' needs them, others have none"
            )
        if any(not 0 < weight <= LARGEST_WEIGHT for weight in self.weights):
            raise ValueError(f"weights {self.weights} are not all above 0")

    @property
    def name(self) -> str:
        """Of the term in logs, such as "soft_prob_mse"."""
        return f"soft_{self.space}_{self.loss}"


@dataclasses.dataclass(frozen=True)
class PairStudentConfig:
    """The student.

    Attributes:
      kind: a transformer encoder, or a BiLSTM.
      matches: of an encoder, whether pieces that stand in both texts are marked; as of
        the teacher that it begins as.
      encoder: sizes of the one.
      bilstm: sizes of the other.
      task: learning the task, from people and teachers.
      general: hearing teachers on general pairs before; needed by the presets that do,
        unless there is a `general_folder`.
      num_general: general pairs that are heard, the first ones; 0 for all.
      preset: a row of the paper's tables.
      teacher: whom a preset of one teacher hears, and as whom a student begins, by
        name; "" for the best on dev lists, or the first where there are none.
      start: begins as the lowest blocks of that teacher; of its encoder as it was
        before it learnt labels; of a BERT in `start_folder`; or is drawn.
      start_folder: Hugging Face folder, where `start` is "folder"; else "". Its width,
        heads and pieces hold.
      masked: guessing hidden pieces of all training text, of one that is drawn; None
        for none. Networks of equal sizes and settings do it together.
      offsets: of one that is drawn, where the first heads of each block begin to look.
      general_folder: model folder of a student that has heard teachers on general pairs
        already; its encoder and pieces are taken over, its headers are not.
      soft: what headers are asked.
      prediction: how headers' answers become one.
      prediction_weights: of the headers where they are "weighted"; else empty.
      num_validated: dev pairs of each list that a validation scores.
      seed: of drawn parameters, dropout and the order of pairs.
    """

    encoder: EncoderConfig
    task: LegConfig
    bilstm: BilstmSizes = dataclasses.field(default_factory=BilstmSizes)
    kind: Literal["encoder", "bilstm"] = "encoder"
    matches: bool = False
    general: LegConfig | None = None
    num_general: int = 0
    preset: Preset = "TMKD"
    teacher: str = ""
    start: Literal["teacher", "encoder", "folder", "random"] = "teacher"
    start_folder: str = ""
    masked: LegConfig | None = None
    offsets: tuple[int, ...] = ()
    general_folder: str = ""
    soft: SoftConfig = dataclasses.field(default_factory=SoftConfig)
    prediction: Prediction = "mean"
    prediction_weights: tuple[float, ...] = ()
    num_validated: int = 500
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuses what could not be trained."""
        demand(self, 1, "num_validated")
        demand(self, 0, "num_general")
        within(self, 0, LARGEST_SEED, "seed")
        self._demand_start()
        if self.plan.general and not (self.general or self.general_folder):
            raise ValueError(
                f"preset {self.preset!r} hears teachers on general pairs: give "
                "`general` its settings, or a general_folder"
            )
        if self.general_folder and not self.plan.general:
            raise ValueError(
                f"general_folder is set, and preset {self.preset!r} hears no teacher "
                "on general pairs: leave it out"
            )
        if self.preset == "none" and self.prediction != "mean":
            raise ValueError(
                f"prediction {self.prediction!r}: preset 'none' has one header"
            )
        for leg in (self.masked, self.general, self.task):
            if leg and leg.batches.widths[-1] != self.max_length:
                raise ValueError(
                    f"the widest batches hold {leg.batches.widths[-1]} pieces, the "
                    f"student {self.max_length}: the numbers must be equal"
                )
            if leg is not self.masked and leg and leg.batches.seed:
                raise ValueError(
                    f"batches.seed is {leg.batches.seed}: a student's order follows "
                    "its own seed; set that"
                )

    def _demand_start(self) -> None:
        """Refuses a beginning that contradicts itself."""
        if self.kind == "bilstm" and self.start != "random":
            raise ValueError(
                "a BiLSTM has no blocks of an encoder to begin as: set start to "
                "'random'"
            )
        if bool(self.start_folder) != (self.start == "folder"):
            raise ValueError(
                f"start is {self.start!r} and start_folder {self.start_folder!r}: "
                "'folder' needs one, others have none"
            )
        drawn = self.start == "random" and self.kind == "encoder"
        if (self.masked or self.offsets) and not drawn:
            raise ValueError(
                f"masked or offsets are set, and start is {self.start!r}, kind "
                f"{self.kind!r}: they are of an encoder that is drawn"
            )
        demand_offsets(self.offsets, self.encoder.num_heads, self.encoder.width)

    @property
    def plan(self) -> Plan:
        """What its preset comes to."""
        return PRESETS[self.preset]

    @property
    def wants_general(self) -> bool:
        """Whether teachers have to be asked about general pairs."""
        return self.plan.general and not self.general_folder

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        found: dict[str, Leg] = {}
        if self.masked and not self.general_folder:
            found["masked"] = self.masked
        if self.general and self.wants_general:
            found["general"] = self.general
        return found | {"task": self.task}

    @property
    def max_length(self) -> int:
        """Most pieces of a row, frame included."""
        one = self.encoder if self.kind == "encoder" else self.bilstm
        return one.max_length

    def sized(
        self,
        vocab_size: int,
        labels: tuple[str, ...],
        num_teachers: int,
        encoder: TransformerConfig | None = None,
    ) -> ScorerConfig:
        """The network over so many pieces, with a header for people and each teacher.

        Args:
          vocab_size: pieces.
          labels: classes.
          num_teachers: headers beside that of people.
          encoder: sizes of the one that it begins as; None for those of the settings.

        Raises:
          ValueError: the headers cannot predict as they are asked to.
        """
        num_headers = 1 + num_teachers
        demand_prediction(self.prediction, self.prediction_weights, num_headers)
        if self.kind == "encoder":
            drawn = sized_encoder(self.encoder, vocab_size, matches=self.matches)
            return EncoderScorerConfig(
                encoder or drawn,
                labels,
                num_headers,
                matches=self.matches,
                prediction=self.prediction,
                weights=self.prediction_weights,
            )
        sizes = self.bilstm
        return BilstmScorerConfig(
            vocab_size,
            sizes.embedding,
            sizes.hidden,
            labels,
            num_headers,
            sizes.max_length,
            sizes.dropout,
            sizes.recurrent_dropout,
            sizes.matmul_dtype,
            self.prediction,
            self.prediction_weights,
        )
