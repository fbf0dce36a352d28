"""What answers words on the command line: a network, a chain of it, a rule table.

A model folder or the name of a table goes in, a predictor with all that a reader must
know of it comes out. Nothing is trained or scored here.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epik_jax.interop.model_folder import load_transliterator
from epik_jax.recipes.opened import opened
from epik_jax.recipes.provenance import last_parts
from epik_jax.recipes.transliteration.networks import as_network
from epik_jax.recipes.transliteration.predictors import (
    Predictor,
    greedy_chain,
    summed_chain,
)
from epik_jax.structs import Example
from epik_jax.teachers.advice import adviser
from epik_jax.teachers.chain import Answers, Chain
from epik_jax.teachers.forward import Decoding
from epik_jax.teachers.placed import WIDTH_STEP
from epik_jax.text.vocabulary import TAG_AND_END

_TABLE_MAX_LENGTH = 64


@dataclasses.dataclass(frozen=True)
class Answerer:
    """A predictor and where its answers come from.

    Attributes:
      name: of the system, such as "chain".
      predictor: examples -> answers, best first.
      decode: how answers are found, for signatures.
      max_length: longest word taken, in code points.
      about: what a reader must know to ask the same again; JSON values.
    """

    name: str
    predictor: Predictor
    decode: str
    max_length: int
    about: dict[str, Any]


def model_answerer(
    folder: Path, *, beam_width: int = 1, num_candidates: int = 1, chain: bool = False
) -> Answerer:
    """A model folder that answers, once or through English.

    Args:
      folder: of the model.
      beam_width: live hypotheses; widened to `num_candidates` where that is more.
      num_candidates: answers to a word.
      chain: write English first and read it again. Words that are English, or are to
        be, take one pass; beams sum over as many English forms as they are wide.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: it is damaged.
    """
    model = opened(folder, load_transliterator)
    network = as_network(model)
    width = max(beam_width, num_candidates)
    decoding = Decoding(beam_width=width, num_hypotheses=num_candidates)
    predictor: Predictor = functools.partial(network.transliterate, decoding=decoding)
    decode, max_length = decoding.label, model.config.longest_source - TAG_AND_END
    if chain:
        linked = greedy_chain(network) if width == 1 else summed_chain(network, width)
        decode = linked.label
        predictor = functools.partial(_around_english, linked, predictor)
        # A pivot may be this much longer than its word, and must be taken as well.
        max_length -= WIDTH_STEP - 1 + decoding.max_extra + TAG_AND_END
    recipe = str(model.about.get("recipe", ""))
    if recipe == "epik":
        predictor = functools.partial(_doubting, predictor, folder, chain)
    return Answerer(
        name="chain" if chain else "model",
        predictor=functools.partial(_at_most, predictor, num_candidates),
        decode=decode,
        max_length=max_length,
        about={
            "checkpoint": last_parts(folder),
            "digest": model.digest,
            "recipe": recipe,
            "beam_width": width,
        },
    )


def table_answerer(kind: str) -> Answerer:
    """A rule table that answers.

    Raises:
      ValueError: there is no such table, or what it needs is not installed.
    """
    table = adviser(kind)
    return Answerer(
        name=f"table {kind}",
        predictor=table.transliterate,
        decode="rules",
        max_length=_TABLE_MAX_LENGTH,
        about=dict(table.fingerprint),
    )


def _around_english(
    chain: Chain, direct: Predictor, examples: Sequence[Example]
) -> Answers:
    """The chain's answers, or direct ones where English is on either side anyway."""
    one_pass = ["en" in e.langs for e in examples]
    twice = chain.transliterate(
        [e for e, once in zip(examples, one_pass, strict=True) if not once]
    )
    directly = direct([e for e, once in zip(examples, one_pass, strict=True) if once])
    ways = {True: iter(directly), False: iter(twice)}
    return [next(ways[once]) for once in one_pass]


def _doubting(
    predictor: Predictor, folder: Path, chain: bool, examples: Sequence[Example]
) -> Answers:
    if chain or any("en" in e.langs for e in examples):
        _warn_of_english(folder)
    return predictor(examples)


@functools.cache
def _warn_of_english(folder: Path) -> None:
    logging.warning(
        "%s was trained between the Indic scripts alone; what it reads or writes in "
        "English is a guess. The run's teacher knows English",
        folder,
    )


def _at_most(predictor: Predictor, limit: int, examples: Sequence[Example]) -> Answers:
    return [answers[:limit] for answers in predictor(examples)]
