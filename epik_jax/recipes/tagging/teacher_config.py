"""The teacher's settings: an encoder, what it begins as, and two legs of training.

What is trained of them is made in `teacher`.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from epik_jax.bounds import LARGEST_SEED, demand, demand_rate, within
from epik_jax.models.labeller_config import EncoderLabellerConfig
from epik_jax.models.neighbours import demand_offsets
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.legs import Leg


@dataclasses.dataclass(frozen=True)
class TeacherConfig:
    """The teacher.

    Attributes:
      model: sizes; where there is a `start_folder`, the folder's hold, but for
        `max_length`, `dropout` and `matmul_dtype`.
      masked: guessing hidden pieces of all training text; None to begin with tags, as
        a BERT does.
      tagging: learning tags.
      num_validated: dev sentences of each list that a validation tags.
      start_folder: Hugging Face folder of a BERT whose encoder training begins with,
        and whose layer of labels where it has just those of the data; its pieces are
        kept, and its sizes. "" draws all parameters.
      offsets: where the first heads of each block begin to look: -1 for the piece
        before, 1 for the one behind; empty draws them. A BERT's know already.
      piece_dropout: share of pieces that read as unknown while tags are learnt.
      seed: of parameters, hidden pieces and dropout.
    """

    model: EncoderConfig
    tagging: LegConfig
    masked: LegConfig | None = None
    num_validated: int = 200
    start_folder: str = ""
    offsets: tuple[int, ...] = ()
    piece_dropout: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing, and batches wider than the network."""
        demand(self, 1, "num_validated")
        demand_rate(self, "piece_dropout")
        within(self, 0, LARGEST_SEED, "seed")
        demand_offsets(self.offsets, self.model.num_heads, self.model.width)
        if self.masked and self.start_folder:
            raise ValueError(
                "masked is set beside a start_folder: a BERT has guessed pieces of far "
                "more text, and its layer for that is not read; set masked to None"
            )
        for stage in (self.masked, self.tagging):
            if stage and stage.batches.widths[-1] != self.model.max_length:
                raise ValueError(
                    f"the widest batches hold {stage.batches.widths[-1]} pieces, the "
                    f"network {self.model.max_length}: the numbers must be equal"
                )

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        masked: dict[str, Leg] = {"masked": self.masked} if self.masked else {}
        return masked | {"tagging": self.tagging}


def sized_labeller(
    model: EncoderConfig, vocab_size: int, labels: tuple[str, ...], *, whole: bool
) -> EncoderLabellerConfig:
    """A labeller of such an encoder.

    Args:
      model: sizes.
      vocab_size: pieces.
      labels: names of the classes.
      whole: whether sentences are labelled instead of words.
    """
    pooling: Literal["none", "first"] = "first" if whole else "none"
    return EncoderLabellerConfig(model.sized(vocab_size), labels, pooling)
