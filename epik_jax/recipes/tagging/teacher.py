"""The teacher: a BERT-shaped encoder with a layer of labels, all languages in one.

Trained here, first to guess hidden pieces of its own training text and then to tag. It
knows no student.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from epik_jax.bounds import LARGEST_SEED, demand, within
from epik_jax.data.encode_sentences import (
    EncodedSentences,
    cut_sentences,
    encode_sentences,
)
from epik_jax.models import initial, labeller
from epik_jax.models.config import TransformerConfig
from epik_jax.models.labeller_config import EncoderLabellerConfig
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.recipe import Stage, Workplace, run_stages
from epik_jax.recipes.tagging.batches import (
    SentenceBatchConfig,
    content_digest,
    sentences_digest,
    training_batches,
)
from epik_jax.recipes.tagging.corpus import TaggedCorpus, TaggedDataConfig
from epik_jax.recipes.tagging.labels import (
    for_validation,
    label_term,
    make_label_forward,
    make_validate_tags,
)
from epik_jax.recipes.tagging.masked import (
    bridge_shapes,
    make_masked_forward,
    masked_ce_term,
    masked_stream,
)
from epik_jax.structs import Batch, Sentence
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.text.wordpiece import WordPieces
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
    matmul_dtype: str = "bfloat16"

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
            matmul_dtype=self.matmul_dtype,  # type: ignore[arg-type]
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
      model: sizes.
      masked: guessing hidden pieces of all training text; None to begin with tags.
      tagging: learning tags.
      num_validated: dev sentences of each list that a validation tags.
      seed: of parameters, hidden pieces and dropout.
    """

    model: EncoderConfig
    tagging: TeacherStageConfig
    masked: TeacherStageConfig | None = None
    num_validated: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing, and batches wider than the network."""
        demand(self, 1, "num_validated")
        within(self, 0, LARGEST_SEED, "seed")
        for stage in (self.masked, self.tagging):
            if stage and stage.batches.widths[-1] != self.model.max_length:
                raise ValueError(
                    f"the widest batches hold {stage.batches.widths[-1]} pieces, the "
                    f"network {self.model.max_length}: the numbers must be equal"
                )


def train_teacher(
    config: TeacherConfig,
    corpus: TaggedCorpus,
    data: TaggedDataConfig,
    pieces: WordPieces,
    at: Workplace,
) -> LabellingNetwork:
    """Trains the teacher, or reads it back where it was finished before."""
    whole = data.task == "sentences"
    model = config.model.sized(pieces.size, data.labels, whole=whole)
    stages = [tagging_stage(config, model, corpus, pieces)]
    shapes: dict[str, Any] = {"student": labeller.parameter_shapes(model)}
    if config.masked:
        stages.insert(0, masked_stage(config, config.masked, model, corpus, pieces))
        shapes["bridge"] = bridge_shapes(model)
    params = run_stages(tuple(stages), initial.init_params(shapes, config.seed), at)
    return LabellingNetwork(params["student"], model, pieces, at.mesh)


def masked_stage(
    config: TeacherConfig,
    leg: TeacherStageConfig,
    model: EncoderLabellerConfig,
    corpus: TaggedCorpus,
    pieces: WordPieces,
) -> Stage:
    """Guessing hidden pieces of all training text."""
    encoded = encoded_for(corpus.transfer, pieces, model)
    batches = training_batches(encoded, pieces.pad_id, leg.batches)
    return Stage(
        name="teacher-masked",
        batches=masked_stream(batches, pieces, config.seed),
        forward=make_masked_forward(model),
        objective=Objective((masked_ce_term(),)),
        # The layer of labels has nothing to learn yet.
        trainable=("^student/transformer/", "^bridge/"),
        optimizer=leg.optimizer,
        loop=leg.loop,
        seed=config.seed,
        inputs=_inputs(leg, model, encoded, pieces),
    )


def tagging_stage(
    config: TeacherConfig,
    model: EncoderLabellerConfig,
    corpus: TaggedCorpus,
    pieces: WordPieces,
) -> Stage:
    """Learning the tags of all languages at once; the best by dev F1 may be kept."""
    leg = config.tagging
    encoded = encoded_for(corpus.train, pieces, model)
    batches = training_batches(encoded, pieces.pad_id, leg.batches)

    def stream(start: int) -> Iterator[Batch]:
        for _, rows, batch in batches(start):
            yield batch | {"weight": np.ones(len(rows), np.float32)}

    chosen = for_validation(corpus.dev, config.num_validated)
    return Stage(
        name="teacher-tagging",
        batches=stream,
        forward=make_label_forward(model, model.num_layers),
        objective=Objective((label_term(),)),
        trainable=("^student/",),
        optimizer=leg.optimizer,
        loop=leg.loop,
        seed=config.seed,
        inputs=_inputs(leg, model, encoded, pieces),
        carry_over=lambda params: {"student": params["student"]},
        validate=make_validate_tags(model, pieces, chosen),
        validated=sentences_digest(s for found in chosen.values() for s in found),
    )


def encoded_for(
    sentences: list[Sentence], pieces: WordPieces, model: EncoderLabellerConfig
) -> EncodedSentences:
    """Sentences as rows of pieces, cut to what the network reads."""
    longest, whole = model.max_length, model.pools
    cut = cut_sentences(sentences, pieces, longest, whole=whole)
    return encode_sentences(cut, pieces, model.labels, longest, whole=whole)


def _inputs(
    leg: TeacherStageConfig,
    model: EncoderLabellerConfig,
    encoded: EncodedSentences,
    pieces: WordPieces,
) -> dict[str, Any]:
    return {
        "data": content_digest(encoded),
        "pieces": pieces.fingerprint,
        "model": dataclasses.asdict(model),
        "batches": dataclasses.asdict(leg.batches),
    }
