"""Scores of a tagger on any file of tagged sentences, by type, with intervals.

A file and a model folder go in, a dict that JSON can hold comes out. Answers are scored
by the code that scores a run's own report.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epik_jax import trees
from epik_jax.data.conll import OUTSIDE, read_conll
from epik_jax.evaluation import bootstrap
from epik_jax.evaluation.entities import MODE, EntityScores, entity_scores
from epik_jax.evaluation.glossary import OF_ENTITIES, Metric
from epik_jax.evaluation.resampling import Ratio
from epik_jax.interop.model_folder import Labeller, load_labeller, sha256
from epik_jax.recipes.figures import definitions, figures_table
from epik_jax.recipes.opened import opened
from epik_jax.recipes.provenance import commit, last_parts
from epik_jax.teachers.labelling import LabellingNetwork

FORMAT = "epik-tagging-evaluation-1"
NUM_RESAMPLES = 1000


def network_of(model: Labeller) -> LabellingNetwork:
    """The network that a model folder holds, on the first device."""
    return LabellingNetwork(model.params, model.config, model.vocabulary)


def examine_conll(
    folder: Path, path: Path, *, lang: str, max_bad_share: float, seed: int = 0
) -> dict[str, Any]:
    """Tags all sentences of a file and scores the tags.

    Args:
      folder: of the model.
      path: of the file.
      lang: language of its sentences, which may stand before each word.
      max_bad_share: largest share of bad lines to go on with.
      seed: of the bootstrap.

    Returns:
      JSON values in the layout `FORMAT`; every figure is a fraction of one with the
      bounds of its 95 % interval.

    Raises:
      FileNotFoundError: there is no model folder, or no file.
      ValueError: either cannot be used; says why.
    """
    model = opened(folder, load_labeller)
    types = entity_types(model.config.labels)
    sentences, report = read_conll(path, lang, types=types, max_bad_share=max_bad_share)
    logging.info("%s; %d sentences to score", report, len(sentences))
    if report.altered and not any(set(s.tags) - {OUTSIDE} for s in sentences):
        raise ValueError(
            f"{path}: no entity of the types {', '.join(types)} that the model knows, "
            "all are of others"
        )
    started = time.monotonic()
    answers = network_of(model).tags(sentences)
    logging.info("answered in %.1f s", time.monotonic() - started)
    scores = entity_scores([s.tags for s in sentences], answers)
    strata = np.zeros(len(sentences), np.int64)
    return {
        "format": FORMAT,
        "system": {
            "checkpoint": last_parts(folder),
            "digest": model.digest,
            "recipe": model.about.get("recipe", ""),
            "parameters": trees.num_elements(model.params),
        },
        "data": {
            "path": last_parts(path),
            "sha256": sha256(path),
            "lines": report.read,
            "kept": report.kept,
            "altered": report.altered,
            "dropped": report.dropped,
            "refused": report.causes,
            "types": list(types),
        },
        "mode": MODE,
        "resampling": {"num_resamples": NUM_RESAMPLES, "seed": seed, "level": 0.95},
        "commit": commit(),
        "n": len(sentences),
        "entities": int(scores.there.sum()),
        "overall": figures(scores, strata, seed=seed),
        "by_type": {
            kind: {
                "entities": int(scores.ratio("recall", kind).denominators.sum()),
                **figures(scores, strata, kind=kind, seed=seed),
            }
            for kind in scores.types
        },
        "definitions": {metric.name: metric.definition for metric in OF_ENTITIES},
    }


def entity_types(labels: Sequence[str]) -> tuple[str, ...]:
    """The types of entities that labels tell apart.

    Raises:
      ValueError: they are no tags of words.
    """
    found = tuple(dict.fromkeys(x[2:] for x in labels if x[:2] in ("B-", "I-")))
    if not found:
        raise ValueError(f"labels {tuple(labels)} are not tags of words")
    return found


def figures(
    scores: EntityScores,
    strata: np.ndarray,
    *,
    metrics: Sequence[Metric] = OF_ENTITIES,
    kind: str = "",
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Figures with their intervals.

    Args:
      scores: N sentences.
      strata: N labels; a figure is the unweighted mean over those in which there is
        something to find. Precision is 0 in one in which a system writes nothing, as
        seqeval counts it.
      metrics: that are wanted.
      kind: of entities, or a class; "" for all.
      seed: of the bootstrap.

    Returns:
      Metric -> "value", "low" and "high", fractions of one; without a metric that
      nothing can be divided by.
    """
    found = {}
    counted = scores.counted(strata, kind)
    for metric in metrics:
        ratio = _or_zero(scores.ratio(metric.name, kind), strata)
        rows = ratio.known[counted[ratio.known]]
        if len(rows):
            found[metric.name] = bootstrap.interval(
                ratio.take(rows),
                strata[rows],
                num_resamples=NUM_RESAMPLES,
                seed=seed,
            ).figure()
    return found


def _or_zero(ratio: Ratio, strata: np.ndarray) -> Ratio:
    """The ratio, 0 in strata where there is nothing to divide by."""
    known = np.isin(strata, np.unique(strata[ratio.known]))
    divisors = np.where(known, ratio.denominators, 1.0)
    return dataclasses.replace(ratio, denominators=divisors)


def examination_table(made: dict[str, Any]) -> str:
    """The result for a terminal: one line for all and one a type, and what it means."""
    rows = [("all", made["entities"], made["overall"])]
    rows += [(kind, found["entities"], found) for kind, found in made["by_type"].items()]
    system, data = made["system"], made["data"]
    title = f"{system['checkpoint']} on {data['path']} (n: entities)"
    table = figures_table(title, rows)
    return "\n".join([table, "", definitions(rows, "sentences"), f"mode: {MODE}"])
