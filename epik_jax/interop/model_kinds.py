"""Kinds of networks that a model folder may hold, and what each is for.

The name of a kind and the JSON of its sizes go in, a configuration comes out; whatever
differs between kinds when a folder is read stands here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from epik_jax.models import labeller, scorer, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.models.labeller_config import (
    BilstmLabellerConfig,
    EncoderLabellerConfig,
    LabellerConfig,
)
from epik_jax.models.scorer_config import (
    BilstmScorerConfig,
    EncoderScorerConfig,
    ScorerConfig,
)
from epik_jax.structs import Params
from epik_jax.text.vocabulary import load_vocabulary
from epik_jax.text.wordpiece import load_wordpieces

AnyConfig: TypeAlias = TransformerConfig | LabellerConfig | ScorerConfig


@dataclasses.dataclass(frozen=True)
class Use:
    """What networks of some kinds are for.

    Attributes:
      noun: what such a model is.
      verb: what it does.
      command: by which it is asked.
    """

    noun: str
    verb: str
    command: str


TRANSLITERATES = Use("transliterator", "transliterates", "epik-jax transliterate")
TAGS = Use("tagger", "tags", "epik-jax tag")
SCORES = Use("scorer of text pairs", "scores", "epik-jax score")


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of network.

    Attributes:
      config: class of its sizes and choices.
      use: what it is for.
      parameter_shapes: configuration -> the tree of parameters as shapes.
      load_vocabulary: path -> what its tokens mean.
    """

    config: type[Any]
    use: Use
    parameter_shapes: Callable[[Any], Params]
    load_vocabulary: Callable[[Path], Any]


KINDS = {
    "transformer": Kind(
        TransformerConfig, TRANSLITERATES, transformer.parameter_shapes, load_vocabulary
    ),
    "encoder labeller": Kind(
        EncoderLabellerConfig, TAGS, labeller.parameter_shapes, load_wordpieces
    ),
    "bilstm labeller": Kind(
        BilstmLabellerConfig, TAGS, labeller.parameter_shapes, load_wordpieces
    ),
    "encoder scorer": Kind(
        EncoderScorerConfig, SCORES, scorer.parameter_shapes, load_wordpieces
    ),
    "bilstm scorer": Kind(
        BilstmScorerConfig, SCORES, scorer.parameter_shapes, load_wordpieces
    ),
}
"""By the name that config.json calls them."""


def kind_of(config: AnyConfig) -> str:
    """What config.json calls networks of such a configuration."""
    return next(n for n, kind in KINDS.items() if isinstance(config, kind.config))


def config_of(kind: Kind, record: dict[str, Any]) -> AnyConfig:
    """A configuration out of its JSON, which has lists for tuples."""
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in record.items()
    }
    if "encoder" in given:
        given["encoder"] = TransformerConfig(**given["encoder"])
    found: AnyConfig = kind.config(**given)
    return found
