"""MATra: one multilingual character transformer, English to and from four scripts.

The teacher of EPIK, trained on gold pairs in one stage (arXiv 2208.10801: a shared
bidirectional encoder-decoder with language tokens; sizes and schedule are ours).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from epik_jax import trees
from epik_jax.bounds import LARGEST_SEED, demand, within
from epik_jax.data.encode import encode
from epik_jax.interop.model_folder import Transliterator, load_transliterator
from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.recipe import Stage, Workplace, run_stages
from epik_jax.recipes.transliteration.corpus import Corpus
from epik_jax.recipes.transliteration.sizes import ModelConfig
from epik_jax.recipes.transliteration.streams import (
    BatchConfig,
    content_digest,
    examples_digest,
    supervised_batches,
)
from epik_jax.recipes.transliteration.supervised import hard_ce_term, make_forward
from epik_jax.recipes.transliteration.tokens import (
    VocabularyConfig,
    build_vocabulary,
    demand_readable,
    follow_tables,
)
from epik_jax.recipes.transliteration.validation import for_validation, make_validate
from epik_jax.teachers.forward import Network
from epik_jax.text.normalise import NORMALISER_VERSION
from epik_jax.text.pieces import SentencePieceVocabulary
from epik_jax.text.vocabulary import Vocabulary
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class MatraConfig:
    """The MATra recipe.

    Attributes:
      model: sizes.
      batches: batch size, buckets, sampling.
      optimizer: settings of the update.
      loop: lengths and intervals.
      smoothing: label smoothing.
      num_validated: dev words that a validation decodes.
      vocabulary: what a token is.
      start_folder: model folder whose parameters training begins with, and whose
        pieces are kept where there are pieces; "" draws them.
      seed: of parameters and dropout.
    """

    model: ModelConfig
    batches: BatchConfig
    optimizer: OptimizerConfig
    loop: LoopConfig
    smoothing: float = 0.1
    num_validated: int = 512
    vocabulary: VocabularyConfig = dataclasses.field(default_factory=VocabularyConfig)
    start_folder: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing, and slots."""
        demand(self, 1, "num_validated")
        within(self, 0.0, 0.99, "smoothing")
        within(self, 0, LARGEST_SEED, "seed")
        if slots := self.model.num_slots:
            raise ValueError(
                f"model.num_slots is {slots}, and a teacher does not learn which slots "
                "are in use: set it to 0"
            )
        self.model.demand_room(self.batches.buckets)


def train_matra(
    config: MatraConfig, corpus: Corpus, at: Workplace, *, name: str = "matra"
) -> Network:
    """Trains a teacher, or reads it back where it was finished before.

    Args:
      config: how.
      corpus: words.
      at: where.
      name: of its stage.

    Raises:
      FileNotFoundError: there is no model folder to start from.
      ValueError: the model there is of other sizes or another vocabulary.
    """
    given = (
        load_transliterator(Path(config.start_folder)) if config.start_folder else None
    )
    vocabulary = matra_vocabulary(config, corpus, at)
    model = config.model.sized(vocabulary.size)
    asked = [e for examples in (corpus.dev, *corpus.test.values()) for e in examples]
    demand_readable(asked, vocabulary, model)
    stage = matra_stage(config, model, corpus, vocabulary, name)
    shapes = {"student": transformer.parameter_shapes(model)}
    if given:
        _demand_like(given, config, model, vocabulary)
        stage = dataclasses.replace(
            stage, inputs=stage.inputs | {"start": given.digest}
        )
        start = {"student": given.params}
    else:
        start = initial.init_params(shapes, config.seed)
    params = run_stages((stage,), start, at)
    follow_LVV = follow_tables(vocabulary)
    return Network(params["student"], model, vocabulary, follow_LVV, at.mesh)


def matra_vocabulary(config: MatraConfig, corpus: Corpus, at: Workplace) -> Vocabulary:
    """What the teacher reads and writes; pieces are learnt where they were not yet."""
    if config.start_folder and config.vocabulary.kind == "sentencepiece":
        # Pieces of its own would be another language to a trained network.
        return load_transliterator(Path(config.start_folder)).vocabulary
    return build_vocabulary(config.vocabulary, corpus.train, at)


def _demand_like(
    given: Transliterator,
    config: MatraConfig,
    model: TransformerConfig,
    vocabulary: Vocabulary,
) -> None:
    """Refuses to go on from a model that is not what is wanted."""
    folder = config.start_folder
    wanted = trees.flatten(transformer.parameter_shapes(model))
    found = trees.flatten(given.params)
    for path in sorted({*wanted, *found}):
        there, here = (t[path].shape if path in t else None for t in (found, wanted))
        if there != here:
            raise ValueError(
                f"start_folder {folder}: {path} has shape {there}, here it is {here}"
            )
    learnt = isinstance(given.vocabulary, SentencePieceVocabulary)
    wants_pieces = config.vocabulary.kind == "sentencepiece"
    if given.vocabulary.fingerprint != vocabulary.fingerprint or learnt != wants_pieces:
        raise ValueError(f"start_folder {folder} has another vocabulary")


def matra_stage(
    config: MatraConfig,
    model: TransformerConfig,
    corpus: Corpus,
    vocabulary: Vocabulary,
    name: str = "matra",
) -> Stage:
    """The one stage: gold pairs, cross-entropy, everything moves."""
    encoded = encode(corpus.train, vocabulary)
    chosen = for_validation(corpus.dev, config.num_validated)
    return Stage(
        name=name,
        batches=supervised_batches(encoded, vocabulary, config.batches),
        forward=make_forward(model, vocabulary.pad_id),
        objective=Objective((hard_ce_term(config.smoothing),)),
        trainable=("^student/",),
        optimizer=config.optimizer,
        loop=config.loop,
        seed=config.seed,
        inputs={
            "data": content_digest(encoded),
            "vocabulary": vocabulary.fingerprint,
            "normaliser": NORMALISER_VERSION,
            "model": dataclasses.asdict(model),
            "batches": dataclasses.asdict(config.batches),
            "smoothing": config.smoothing,
        },
        validate=make_validate(model, vocabulary, chosen),
        validated=examples_digest(chosen),
    )
