"""Networks without parameters, whose every probability can be worked out by hand.

They answer from a short list of words by distributions drawn from a digest, and keep
account of what they were asked.
"""

from __future__ import annotations

import hashlib
import math
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.ragged import Ragged
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.forward import Decoding
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import CharacterVocabulary

VOCABULARY = CharacterVocabulary.from_languages(LANGUAGES)
WIDTH = 6

WORDS = {
    "en": ("kamal", "rama", "bala"),
    "hi": ("कमल", "राम", "बल"),
    "ta": ("கமல்", "ராமன்", "பால்"),
    "kn": ("ಕಮಲ", "ರಾಮ", "ಬಲ"),
    "bn": ("কমল", "রাম", "বল"),
}


def drawn(*parts: object, size: int) -> np.ndarray:
    """Probabilities that follow from `parts` alone: float64 [size]."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    seed = int.from_bytes(digest[:8], "little")
    return np.random.default_rng(seed).dirichlet(np.full(size, 0.5)).clip(1e-6)


class ToyNetwork:
    """Looks like a `Network`; see the module."""

    vocabulary = VOCABULARY
    follow_LVV: np.ndarray | None = None

    def __init__(
        self,
        salt: str = "",
        words: Mapping[str, Sequence[str]] = WORDS,
        width: int = WIDTH,
    ) -> None:
        """`salt` makes another network, `words` are all it can write."""
        self.salt, self.words = salt, words
        self.config: Any = types.SimpleNamespace(
            vocab_size=VOCABULARY.size, width=width
        )
        self.asked: list[tuple[str, str, str]] = []

    def distribution(self, source: str, target_lang: str) -> dict[str, float]:
        """Probability of every word that it can write."""
        words = self.words[target_lang]
        probs = drawn(self.salt, source, target_lang, size=len(words))
        return dict(zip(words, (probs / probs.sum()).tolist(), strict=True))

    def transliterate(
        self, examples: Sequence[Example], decoding: Decoding
    ) -> list[tuple[Hypothesis, ...]]:
        """The most probable words, best first."""
        self.asked += [(e.source, e.source_lang, e.target_lang) for e in examples]
        rows = []
        for example in examples:
            probs = self.distribution(example.source, example.target_lang)
            best = sorted(probs, key=lambda word: -probs[word])
            kept = best[: decoding.num_hypotheses]
            rows.append(tuple(Hypothesis(w, math.log(probs[w])) for w in kept))
        return rows

    def next_token(self, source: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Log-probabilities of the token after `before`: float64 [V]."""
        parts = self.salt, source.tolist(), before.tolist()
        probs = drawn(*parts, size=VOCABULARY.size)
        return np.log(probs / probs.sum())

    def log_probs(self, sources: Ragged, targets: Ragged) -> Ragged:
        """As `Network.log_probs`."""
        rows = [
            self.next_token(sources.row(i), targets.row(i)[:t])
            for i in range(len(sources))
            for t in range(int(targets.lengths[i]))
        ]
        values = np.stack(rows) if rows else np.zeros((0, VOCABULARY.size))
        return Ragged(values.astype(np.float16), targets.offsets)

    def hidden(self, sources: Ragged) -> Ragged:
        """As `Network.hidden`."""
        rows = [
            drawn(self.salt, sources.row(i).tolist(), s, size=self.config.width)
            for i in range(len(sources))
            for s in range(int(sources.lengths[i]))
        ]
        return Ragged(np.stack(rows).astype(np.float32), sources.offsets)


class StandIn(ToyNetwork):
    """A toy that also has the parameters of a real network, none of which it uses."""

    def __init__(self, config: TransformerConfig, salt: str = "") -> None:
        """`config` is of the network that it stands in for."""
        super().__init__(salt)
        self.config = config
        self.params = initial.init_params(transformer.parameter_shapes(config), 0)
        self.mesh = None

    def attention(self, source: Ragged, target: Ragged) -> np.ndarray:
        """As `Network.attention`: every token looks at all of the source."""
        shape = len(target.row(0)), len(source.row(0))
        return np.full(shape, 1 / shape[1], np.float32)
