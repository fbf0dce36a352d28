"""Learning from tags that people gave: forward pass, term, and how well it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jax.sharding import Mesh

from epik_jax.data.draw import drawn
from epik_jax.evaluation.entities import entity_scores
from epik_jax.models.labeller import label
from epik_jax.models.labeller_config import LabellerConfig
from epik_jax.objectives import terms
from epik_jax.objectives.objective import Term
from epik_jax.structs import Array, Batch, ModelOutput, Params, Sentence
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.text.wordpiece import WordPieces


def make_label_forward(
    config: LabellerConfig, layer: int
) -> Callable[..., ModelOutput]:
    """The forward pass of a labeller over a batch of sentences.

    Args:
      config: sizes and choices.
      layer: whose states are given beside the logits.
    """

    def forward(params: Params, batch: Batch, *, key: Array | None) -> ModelOutput:
        return label(
            params["student"],
            config,
            batch["tokens"],
            batch["token_mask"],
            layer=layer,
            key=key,
        )

    return forward


def label_term(weight: float = 1.0) -> Term:
    """Cross-entropy with people's tags, at the first piece of each tagged word."""

    def values(outputs: ModelOutput, batch: Batch) -> tuple[Array, Array]:
        return terms.hard_ce(outputs.logits, batch["labels"]), batch["label_mask"]

    return Term("hard_ce", values, weight)


def for_validation(
    lists: Mapping[str, Sequence[Sentence]], num_validated: int
) -> dict[str, list[Sentence]]:
    """A fixed draw of `num_validated` sentences of each list, all if they are fewer."""
    return {name: drawn(found, num_validated) for name, found in lists.items()}


def make_validate_tags(
    config: LabellerConfig, pieces: WordPieces, chosen: Mapping[str, Sequence[Sentence]]
) -> Callable[[Params, Mesh], dict[str, float]] | None:
    """Mean F1 over the lists; "cost" is what it lacks of 1."""
    if not chosen:
        return None

    def validate(params: Params, mesh: Mesh) -> dict[str, float]:
        network = LabellingNetwork(params["student"], config, pieces, mesh)
        value = mean_f1(network, chosen)
        return {"cost": 1.0 - value, "f1": value}

    return validate


def mean_f1(
    network: LabellingNetwork, lists: Mapping[str, Sequence[Sentence]]
) -> float:
    """Strict entity F1 of each list, as an unweighted mean over lists."""
    flat = [sentence for found in lists.values() for sentence in found]
    answers = iter(network.tags(flat))
    values = []
    for found in lists.values():
        written = [next(answers) for _ in found]
        scores = entity_scores([s.tags for s in found], written)
        values.append(scores.value("f1"))
    return float(np.mean(values))
