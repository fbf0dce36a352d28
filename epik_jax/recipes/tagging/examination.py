"""Scores of a labeller on any file of labelled words or sentences, with intervals.

A file and a model folder go in, a dict that JSON can hold comes out. Answers are scored
by the code that scores a run's own report.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epik_jax import trees
from epik_jax.data.conll import OUTSIDE, read_conll
from epik_jax.data.labelled_text import read_labelled_text
from epik_jax.data.rows import RowReport
from epik_jax.evaluation import bootstrap, classes, entities
from epik_jax.evaluation.classes import class_scores
from epik_jax.evaluation.entities import EntityScores, entity_scores
from epik_jax.evaluation.glossary import OF_CLASSES, OF_ENTITIES, Metric
from epik_jax.evaluation.resampling import Ratio
from epik_jax.interop.model_folder import Labeller, load_labeller, sha256
from epik_jax.recipes.figures import definitions, figures_table
from epik_jax.recipes.opened import opened
from epik_jax.recipes.provenance import commit, last_parts
from epik_jax.structs import Sentence
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
    digest = sha256(path)
    model = opened(folder, load_labeller)
    types = entity_types(model.config.labels)
    sentences, report = read_conll(path, lang, types=types, max_bad_share=max_bad_share)
    logging.info("%s; %d sentences to score", report, len(sentences))
    if report.altered and not any(set(s.tags) - {OUTSIDE} for s in sentences):
        raise ValueError(
            f"{path}: no entity of the types {', '.join(types)} that the model knows, "
            "all are of others"
        )
    answers = _timed(network_of(model).tags, sentences)
    scores = entity_scores([s.tags for s in sentences], answers)
    about = {
        **_about(model, folder, seed),
        "data": {**_read(path, digest, report), "types": list(types)},
        "mode": entities.MODE,
        "entities": int(scores.there.sum()),
    }
    return {**about, **_scored(scores, OF_ENTITIES, seed)}


def examine_labelled(
    folder: Path, path: Path, *, lang: str, max_bad_share: float, seed: int = 0
) -> dict[str, Any]:
    """Labels all sentences of a file, of a text, a tab and a label a line.

    Arguments, result and errors are those of `examine_conll`.
    """
    digest = sha256(path)
    model = opened(folder, load_labeller)
    labels = model.config.labels
    if not model.config.pools:
        raise ValueError(f"{folder} tags words: score it on tagged ones, with --conll")
    sentences, report = read_labelled_text(
        path, lang, labels, max_bad_share=max_bad_share
    )
    logging.info("%s; %d sentences to score", report, len(sentences))
    answers = _timed(network_of(model).classes, sentences)
    scores = class_scores([s.label for s in sentences], answers)
    about = {
        **_about(model, folder, seed),
        "data": {**_read(path, digest, report), "classes": list(labels)},
        "mode": classes.MODE,
    }
    return {**about, **_scored(scores, OF_CLASSES, seed)}


def _timed(
    answer: Callable[[Sequence[Sentence]], list[Any]], sentences: Sequence[Sentence]
) -> list[Any]:
    started = time.monotonic()
    answers = answer(sentences)
    logging.info("answered in %.1f s", time.monotonic() - started)
    return answers


def _about(model: Labeller, folder: Path, seed: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "system": {
            "checkpoint": last_parts(folder),
            "digest": model.digest,
            "recipe": model.about.get("recipe", ""),
            "parameters": trees.num_elements(model.params),
        },
        "resampling": {"num_resamples": NUM_RESAMPLES, "seed": seed, "level": 0.95},
        "commit": commit(),
    }


def _read(path: Path, digest: str, report: RowReport) -> dict[str, Any]:
    return {
        "path": last_parts(path),
        "sha256": digest,
        "lines": report.read,
        "kept": report.kept,
        "altered": report.altered,
        "dropped": report.dropped,
        "refused": report.causes,
    }


def _scored(
    scores: EntityScores, metrics: Sequence[Metric], seed: int
) -> dict[str, Any]:
    """Figures of all sentences and of each type, or class."""
    strata = np.zeros(len(scores.there), np.int64)
    given = functools.partial(figures, scores, strata, metrics=metrics, seed=seed)
    return {
        "n": len(strata),
        "overall": given(),
        "by_type": {
            kind: {
                "n": int(scores.ratio("recall", kind).denominators.sum()),
                **given(kind=kind),
            }
            for kind in scores.types
        },
        "definitions": {metric.name: metric.definition for metric in metrics},
    }


def entity_types(labels: Sequence[str]) -> tuple[str, ...]:
    """The types of entities that labels tell apart.

    Raises:
      ValueError: they are no tags of words.
    """
    found = tuple(dict.fromkeys(x[2:] for x in labels if x[:2] in ("B-", "I-")))
    if not found:
        raise ValueError(
            f"labels {tuple(labels)} are not tags of words; score a model that labels "
            "sentences with --labelled"
        )
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
    counted = "entities" if "entities" in made else "sentences"
    system, data = made["system"], made["data"]
    rows = [("all", made.get("entities", made["n"]), made["overall"])]
    rows += [(kind, found["n"], found) for kind, found in made["by_type"].items()]
    title = f"{system['checkpoint']} on {data['path']} (n: {counted})"
    table = figures_table(title, rows)
    meant = definitions(rows, "sentences")
    return "\n".join([table, "", meant, f"mode: {made['mode']}"])
