"""The teacher's settings: an encoder, what it begins as, and two legs of training.

What is trained of them is made in `teacher`.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from epik_jax.bounds import LARGEST_SEED, demand, demand_rate, within
from epik_jax.models.config import TransformerConfig
from epik_jax.models.labeller_config import EncoderLabellerConfig
from epik_jax.models.neighbours import demand_offsets
from epik_jax.recipes.tagging.batches import SentenceBatchConfig
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Sizes of the teacher, without what follows from pieces and labels.

    Attributes:
      width: D of the residual stream.
      num_heads: attention heads.
      feed_forward: width inside the feed-forward blocks.
      layers: blocks.
      max_length: longest sentence in pieces, frame included; longer ones are cut.
      dropout: rate in training.
      matmul_dtype: what products are computed from.
    """

    width: int = 512
    num_heads: int = 8
    feed_forward: int = 2048
    layers: int = 6
    max_length: int = 128
    dropout: float = 0.1
    matmul_dtype: Literal["float32", "bfloat16"] = "bfloat16"

    def __post_init__(self) -> None:
        """Refuses sizes that no network could have, before anything is read."""
        self.sized(1, ("O",), whole=False)

    def sized(
        self, vocab_size: int, labels: tuple[str, ...], *, whole: bool
    ) -> EncoderLabellerConfig:
        """The network over so many pieces: BERT's, but for its size.

        Args:
          vocab_size: pieces.
          labels: names of the classes.
          whole: whether sentences are labelled instead of words.
        """
        encoder = TransformerConfig(
            vocab_size=vocab_size,
            width=self.width,
            num_heads=self.num_heads,
            feed_forward=self.feed_forward,
            encoder_layers=self.layers,
            decoder_layers=0,
            max_length=self.max_length,
            norm="post",
            positions="learned",
            activation="gelu_exact",
            embedding_norm=True,
            token_types=2,
            dropout=self.dropout,
            matmul_dtype=self.matmul_dtype,
            norm_epsilon=1e-12,
        )
        return EncoderLabellerConfig(encoder, labels, "first" if whole else "none")


@dataclasses.dataclass(frozen=True)
class TeacherStageConfig:
    """One leg of the teacher's training.

    Attributes:
      batches: batch size, widths, sampling.
      optimizer: settings of the update.
      loop: lengths and intervals.
    """

    batches: SentenceBatchConfig
    optimizer: OptimizerConfig
    loop: LoopConfig


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
    tagging: TeacherStageConfig
    masked: TeacherStageConfig | None = None
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
