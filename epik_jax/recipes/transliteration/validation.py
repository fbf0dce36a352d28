"""What a validation looks at, and what it says."""

from __future__ import annotations

import random
from collections.abc import Callable

from jax.sharding import Mesh

from epik_jax.evaluation import metrics
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.transliteration.tokens import follow_tables
from epik_jax.structs import Example, Params
from epik_jax.teachers.forward import Decoding, Network
from epik_jax.text.vocabulary import Vocabulary


def for_validation(examples: list[Example], num_validated: int) -> list[Example]:
    """A fixed draw of `num_validated` of the examples, of all if they are fewer."""
    return random.Random(0).sample(examples, min(num_validated, len(examples)))


def make_validate(
    model: TransformerConfig, vocabulary: Vocabulary, chosen: list[Example]
) -> Callable[[Params, Mesh], dict[str, float]] | None:
    """Greedy CER and top-1 on the chosen words; "cost" is the CER."""
    if not chosen:
        return None
    follow_LVV = follow_tables(vocabulary)

    def validate(params: Params, mesh: Mesh) -> dict[str, float]:
        network = Network(params["student"], model, vocabulary, follow_LVV, mesh)
        answers = network.transliterate(chosen, Decoding())
        scores = metrics.word_scores(list(zip(chosen, answers, strict=True)), {})
        summary = metrics.summary(scores)
        return {"cost": summary["cer"], "top1": summary["top1"]}

    return validate
