"""Learning from tags that people gave: forward pass, term, and how well it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jax.sharding import Mesh

from epik_jax.data.draw import drawn
from epik_jax.evaluation import bootstrap
from epik_jax.evaluation.classes import class_scores
from epik_jax.evaluation.entities import EntityScores, entity_scores
from epik_jax.models.computing import PLAIN, Computing
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

    def forward(
        params: Params, batch: Batch, *, key: Array | None, computing: Computing = PLAIN
    ) -> ModelOutput:
        return label(
            params["student"],
            config,
            batch["tokens"],
            batch["token_mask"],
            layer=layer,
            key=key,
            computing=computing,
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
    """Mean F1, or accuracy, over languages; "cost" is what it lacks of 1."""
    if not chosen:
        return None

    def validate(params: Params, mesh: Mesh) -> dict[str, float]:
        network = LabellingNetwork(params["student"], config, pieces, mesh)
        value = mean_score(network, chosen)
        return {"cost": 1.0 - value, main_metric(config): value}

    return validate


def mean_score(
    network: LabellingNetwork, lists: Mapping[str, Sequence[Sentence]]
) -> float:
    """Strict entity F1, or accuracy, as reports have it.

    That is an unweighted mean over languages in which there is something to find; 0
    where there is nothing in any.
    """
    sentences = [s for found in lists.values() for s in found]
    scores, _ = score(network, sentences)
    langs = np.array([s.lang for s in sentences], dtype=str)
    rows = np.flatnonzero(scores.counted(langs))
    if not len(rows):
        return 0.0
    ratio = scores.ratio(main_metric(network.config))
    return bootstrap.macro_value(ratio.take(rows), langs[rows])


def main_metric(config: LabellerConfig) -> str:
    """The name of the figure that networks of a kind are judged by."""
    return "accuracy" if config.pools else "f1"


def score(
    network: LabellingNetwork, sentences: Sequence[Sentence]
) -> tuple[EntityScores, list[tuple[str, ...]]]:
    """Counts of what is right, and the answers: tags, or one label a sentence."""
    if network.config.pools:
        labels = network.classes(sentences)
        there = [s.label for s in sentences]
        return class_scores(there, labels), [(label,) for label in labels]
    answers = network.tags(sentences)
    return entity_scores([s.tags for s in sentences], answers), answers
