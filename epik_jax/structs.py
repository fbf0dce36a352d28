"""The nouns that every floor shares.

Examples and hypotheses are host-side text; batches, model outputs and teacher signals
are trees of arrays. Nothing here computes: these are the values that flow between the
floors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import numpy as np

Array: TypeAlias = jax.Array | np.ndarray
Params: TypeAlias = Mapping[str, Any]
Batch: TypeAlias = dict[str, Any]
KVCache: TypeAlias = Any

StepFn: TypeAlias = Callable[[Array, Array, Array, KVCache], tuple[Array, KVCache]]
"""(tokens_BW, index, ancestors_BWT, kv_cache) -> (logits_BWV, kv_cache).

`index` counts from 0. `ancestors_BWT` tells which of the W beams each token of a beam's
past was read by, the newest included, and -1 where nothing has been read: beams change
places between steps, what they read does not.
"""

AllowFn: TypeAlias = Callable[[Array], Array]
"""tokens_BW -> bool [B, W, V], true where a token may follow."""


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One word to be written in another script.

    Attributes:
      example_id: stable across runs and hosts; signals join on it.
      source: normalised text.
      source_lang: language of `source`, such as "hi".
      target_lang: language asked for.
      targets: accepted answers, best first; empty where there is no gold.
      pivot: gold English form of the same word; empty where there is none.
      origin: the list that it came from, for scores per source.
      weight: how much one draw of it counts in a loss.
    """

    example_id: str
    source: str
    source_lang: str
    target_lang: str
    targets: tuple[str, ...] = ()
    pivot: str = ""
    origin: str = ""
    weight: float = 1.0

    @property
    def langs(self) -> tuple[str, str]:
        """Language of the source, language asked for."""
        return self.source_lang, self.target_lang


@dataclasses.dataclass(frozen=True, slots=True)
class Sentence:
    """Words in a row, each with its tag where somebody tagged them.

    Attributes:
      example_id: stable across runs and hosts; signals join on it.
      words: in order, at least one.
      lang: language, such as "hi".
      tags: one for each word, in IOB2; empty where there are none.
      origin: the list that it came from.
      label: class of the whole sentence; "" where there is none.
    """

    example_id: str
    words: tuple[str, ...]
    lang: str
    tags: tuple[str, ...] = ()
    origin: str = ""
    label: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class TextPair:
    """Two texts, and what one of them is to the other.

    Attributes:
      example_id: stable across runs and hosts; signals join on it.
      text_a: such as a question.
      text_b: such as a passage.
      label: class of the pair; "" where there is none.
      origin: the list that it came from.
      kind: of a pair that nobody put together, how its texts came to stand side by
        side; "" of all others.
    """

    example_id: str
    text_a: str
    text_b: str
    label: str = ""
    origin: str = ""
    kind: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Hypothesis:
    """One answer to an example, with the natural logarithm of its probability."""

    text: str
    log_prob: float


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ModelOutput:
    """What a model says about a batch.

    Attributes:
      logits: [B, T, V] (sequences), [B, L, C] (tags) or [B, C] (scores), float32.
      hidden: [B, L, D] hidden states of the layer that is imitated, or None.
      hidden_mask: bool [B, L], true where `hidden` is real, or None.
      gate_logits: [B, L], above 0 where a slot is active, or None.
    """

    logits: Array
    hidden: Array | None = None
    hidden_mask: Array | None = None
    gate_logits: Array | None = None


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TeacherSignal:
    """What one teacher said about a batch; a field that it did not give is None.

    Attributes:
      log_probs: float [B, T, V], next-token log-probabilities along the labels, at
        temperature 1.
      logits: float [B, L, C] (tags) or [B, C] (scores), before any softmax.
      hidden: float [B, L, D], hidden states that a student may imitate.
      hidden_mask: bool [B, L], true where `hidden` is real.
    """

    log_probs: Array | None = None
    logits: Array | None = None
    hidden: Array | None = None
    hidden_mask: Array | None = None


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Decoded:
    """Hypotheses of a decoder, best first.

    Where fewer exist than were asked for, the missing ones come last: all padding,
    length 0, log-probability and score -inf.

    Attributes:
      tokens: int32 [B, W, T], padded after the end token.
      lengths: int32 [B, W], tokens up to and including the end token.
      log_probs: float32 [B, W], sum of the tokens' log-probabilities.
      scores: float32 [B, W], `log_probs` after the length penalty; sorted by this.
    """

    tokens: Array
    lengths: Array
    log_probs: Array
    scores: Array
