"""What a run has trained, made of toys whose answers are known, and names to ask."""

from __future__ import annotations

from toy_networks import VOCABULARY, StandIn

from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.transliteration.corpus import Corpus
from epik_jax.recipes.transliteration.epik import Trained
from epik_jax.recipes.transliteration.scoreboard import ScoreboardConfig
from epik_jax.structs import Example

MODEL = TransformerConfig(
    vocab_size=VOCABULARY.size,
    width=8,
    num_heads=2,
    feed_forward=8,
    encoder_layers=1,
    decoder_layers=1,
)
SOURCES = {"hi": ("कमल", "राम"), "ta": ("பால்",), "kn": ("ಬಲ",), "bn": ("রাম", "কমল")}
NAMES = [
    Example(f"{x}>{y}:{word}|p{i}", word, x, y, ("?",), f"rama{'b' * i}")
    for x, words in SOURCES.items()
    for i, word in enumerate(words)
    for y in SOURCES
    if x != y
]
ENGLISH = [
    Example("en>hi:rama", "rama", "en", "hi", ("राम",)),
    Example("ta>en:பால்", "பால்", "ta", "en", ("pal",)),
]
CONFIG = ScoreboardConfig(num_pivots=2, num_timed=0, num_attended=2)


def trained_with(student_model=MODEL, bridge=None, choosing=()):
    corpus = Corpus([], {}, [], {}, list(choosing), [*NAMES, *ENGLISH], {}, (), {})
    return Trained(
        corpus, StandIn(MODEL, "t"), StandIn(student_model, "s"), bridge or {}
    )


def answers(system):
    return [row for _, row in system.predictions]
