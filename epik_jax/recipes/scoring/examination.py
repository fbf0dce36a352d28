"""Figures of a scorer on any file of labelled pairs, with intervals.

A file and a model folder go in, a dict that JSON can hold comes out. Answers are scored
by the code that scores a run's own report.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from epik_jax import trees
from epik_jax.data.text_pairs import read_text_pairs
from epik_jax.interop.model_folder import Scorer, load_scorer, sha256
from epik_jax.recipes.figures import definitions, figures_table
from epik_jax.recipes.opened import opened
from epik_jax.recipes.provenance import commit, last_parts
from epik_jax.recipes.scoring.scoreboard import NUM_RESAMPLES, Scored
from epik_jax.teachers.scoring import ScoringNetwork

FORMAT = "epik-scoring-evaluation-1"


def network_of(model: Scorer) -> ScoringNetwork:
    """The network that a model folder holds, on the first device."""
    return ScoringNetwork(model.params, model.config, model.vocabulary)


def right_of(model: Scorer, asked: str) -> str:
    """The class of a candidate that answers: the one asked for, or the model's own.

    Raises:
      ValueError: the model knows no such class.
    """
    right: str = asked or model.about.get("right", "")
    if right and right not in model.config.labels:
        whose = "--right" if asked else "what the model says that it ranks by,"
        raise ValueError(
            f"{whose} {right!r} is none of the model's classes {model.config.labels}"
        )
    return right


def examine_pairs(
    folder: Path, path: Path, *, right: str, max_bad_share: float
) -> dict[str, Any]:
    """Scores all pairs of a file, and the scores.

    Args:
      folder: of the model.
      path: of the file.
      right: class of a candidate that answers its question; "" for the one that the
        model was made for, if any. Without any, nothing is ranked.
      max_bad_share: largest share of bad lines to go on with.

    Returns:
      JSON values in the layout `FORMAT`; every figure is a fraction of one with the
      bounds of its 95 % interval.

    Raises:
      FileNotFoundError: there is no model folder, or no file.
      ValueError: either cannot be used; says why.
    """
    digest = sha256(path)
    model = opened(folder, load_scorer)
    labels = model.config.labels
    right = right_of(model, right)
    pairs, report = read_text_pairs(path, labels, max_bad_share=max_bad_share)
    logging.info("%s; %d pairs to score", report, len(pairs))
    started = time.monotonic()
    scored = Scored.of([network_of(model)], {path.name: pairs}, right)
    logging.info("answered in %.1f s", time.monotonic() - started)
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
            "sha256": digest,
            "lines": report.read,
            "kept": report.kept,
            "dropped": report.dropped,
            "refused": report.causes,
            "labels": list(labels),
        },
        "right": right,
        "resampling": {"num_resamples": NUM_RESAMPLES, "seed": 0, "level": 0.95},
        "commit": commit(),
        "n": len(pairs),
        "questions": len({pair.text_a for pair in pairs}),
        "overall": scored.figures()["overall"],
        "definitions": {m.name: m.definition for m in scored.metrics},
    }


def examination_table(made: dict[str, Any]) -> str:
    """The result for a terminal, and what it means."""
    system, data = made["system"], made["data"]
    rows = [("all", made["n"], made["overall"])]
    title = f"{system['checkpoint']} on {data['path']} (n: pairs)"
    return "\n".join([figures_table(title, rows), "", definitions(rows, "questions")])
