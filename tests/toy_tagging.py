"""Tagging at its smallest: sentences, untrained networks, settings of a student."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from epik_jax.data.templates import template_sentences
from epik_jax.models import initial, labeller
from epik_jax.models.config import TransformerConfig
from epik_jax.models.labeller_config import (
    BilstmLabellerConfig,
    EncoderLabellerConfig,
    LabellerConfig,
)
from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.recipes.tagging.corpus import TaggedCorpus, bare
from epik_jax.recipes.tagging.curriculum import Material
from epik_jax.recipes.tagging.student import BilstmConfig, TaggingStudentConfig
from epik_jax.structs import Sentence
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.teachers.tagging import LiveTags, TaggingTeacher, WantedStates
from epik_jax.text.wordpiece import train_wordpieces
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

LABELS = ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
LANGS = ("en", "hi")
WIDTH = 64
_MADE = template_sentences("train", count=12, seed=0, langs=LANGS)
_UNLIKE = list({s.words: s for s in _MADE}.values())
SENTENCES = [s for lang in LANGS for s in [x for x in _UNLIKE if x.lang == lang][:8]]
"""Eight a language, no two of them alike."""
PIECES = train_wordpieces([s.words for s in SENTENCES], 300)
ENCODER = EncoderLabellerConfig(
    TransformerConfig(
        vocab_size=PIECES.size,
        width=8,
        num_heads=2,
        feed_forward=16,
        encoder_layers=2,
        decoder_layers=0,
        max_length=WIDTH,
        norm="post",
        positions="learned",
        embedding_norm=True,
        token_types=2,
    ),
    LABELS,
)
BILSTM = BilstmLabellerConfig(PIECES.size, 4, 6, 8, LABELS, max_length=WIDTH)
BATCHES = RowBatchConfig(batch_size=4, widths=(WIDTH,))


@functools.cache
def network(config: LabellerConfig = ENCODER, seed: int = 1) -> LabellingNetwork:
    """A network that has learnt nothing."""
    params = initial.init_params(labeller.parameter_shapes(config), seed)
    return LabellingNetwork(params, config, PIECES)


def mixed(num_tagged: int = 10) -> list[Sentence]:
    """Sentences of which only the first few kept their tags."""
    return [*SENTENCES[:num_tagged], *(bare(s) for s in SENTENCES[num_tagged:])]


def corpus(num_tagged: int = 10) -> TaggedCorpus:
    """The same as a corpus; a dev list a language."""
    sentences = mixed(num_tagged)
    dev = {
        f"toy/{lang}": template_sentences("dev", count=3, seed=0, langs=(lang,))
        for lang in LANGS
    }
    train, rest = sentences[:num_tagged], sentences[num_tagged:]
    return TaggedCorpus(train, rest, dev, {}, {})


def material(
    sentences: Sequence[Sentence] = tuple(mixed()),
    teacher: LabellingNetwork | None = None,
    layer: int = 1,
) -> Material:
    """What a student is taught from, by a live teacher."""
    teacher = teacher or network()
    encoded = teacher.encoded(sentences)
    live = LiveTags(TaggingTeacher(teacher, WantedStates(layer, "float32")), encoded)
    dev = corpus().dev
    return Material(teacher, "t0", [*sentences], encoded, live, "float32", dev)


def student(**changes: Any) -> TaggingStudentConfig:
    """Settings of a student of a few steps."""
    settings: dict[str, Any] = {
        "model": BilstmConfig(4, 5, "bridge", 0.0, 0.0),
        "batches": BATCHES,
        "optimizer": OptimizerConfig(0.01, "constant", warmup_steps=0),
        "loop": LoopConfig(20, log_every=100, save_every=100),
        "layer": 1,
        "num_held_out": 4,
        "num_validated": 2,
    }
    return TaggingStudentConfig(**{**settings, **changes})
