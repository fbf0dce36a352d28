"""Scores of any system on any file of pairs, overall and by group, with intervals.

A file and a system go in, a dict that JSON can hold comes out. Answers are scored by
the code that scores a run's own report.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from epik_jax.evaluation import clusters, feature_distance, glossary, metrics, sounds
from epik_jax.evaluation.intervals import intervals
from epik_jax.evaluation.metrics import WordScores
from epik_jax.evaluation.signature import signatures
from epik_jax.interop.model_folder import sha256
from epik_jax.recipes.provenance import commit, last_parts
from epik_jax.recipes.transliteration.answerer import Answerer
from epik_jax.recipes.transliteration.pairs_file import PairsFile
from epik_jax.structs import Example

FORMAT = "epik-evaluation-1"

NUM_RESAMPLES, NUM_GROUP_RESAMPLES = 1000, 300
"""Of the bootstrap over all words, and over each of the many groups."""


def examine(
    asked: PairsFile,
    answerer: Answerer,
    *,
    apart: Sequence[str] = (),
    with_distance: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Asks a system all words of a file and scores its answers.

    Args:
      asked: the file.
      answerer: the system.
      apart: lists, by their names, whose words count in the figures by source alone.
      with_distance: measure the feature distance as well.
      seed: of the bootstrap.

    Returns:
      JSON values in the layout `FORMAT`; every figure is a fraction of one with the
      bounds of its 95 % interval. "overall" and "direct" (pairs without English) are
      unweighted means over language pairs; groups by pair and by source are pooled.

    Raises:
      ValueError: the file cannot be scored, no word is left, or the feature distance
        is not installed.
    """
    distance = feature_distance.make_feature_distance() if with_distance else None
    keys = sounds.SOUND_KEY_DEFINITIONS
    examples, report = asked.read(answerer.max_length)
    digest = sha256(asked.path)
    logging.info("%s; %d to score", report, len(examples))
    started = time.monotonic()
    answers = answerer.predictor(examples)
    logging.info("answered in %.1f s", time.monotonic() - started)
    predictions = list(zip(examples, answers, strict=True))
    scores = metrics.word_scores(predictions, sounds.SOUND_KEYS, distance)
    asked_for = {
        "part": asked.part,
        "limit": asked.limit,
        "apart": ",".join(sorted(apart)),
    }
    taken = {name: str(value) for name, value in asked_for.items() if value}
    data = f"{asked.path.name}@{digest[:8]}".replace("|", "_")
    return {
        "format": FORMAT,
        "system": {"name": answerer.name, "decode": answerer.decode, **answerer.about},
        "data": {
            "path": last_parts(asked.path),
            "sha256": digest,
            **taken,
            "lines": report.read,
            "kept": report.kept,
            "dropped": report.dropped,
            "refused": report.causes,
        },
        "resampling": {
            "num_resamples": NUM_RESAMPLES,
            "num_group_resamples": NUM_GROUP_RESAMPLES,
            "seed": seed,
            "level": 0.95,
            "clusters": clusters.DEFINITION,
        },
        **_groups(scores, examples, apart, seed),
        "signatures": signatures(
            scores.metrics(),
            keys=keys,
            decode=answerer.decode,
            code=commit(),
            data=data,
            **taken,
        ),
        "definitions": glossary.definitions(keys, with_distance),
    }


def _groups(
    scores: WordScores, examples: Sequence[Example], apart: Sequence[str], seed: int
) -> dict[str, Any]:
    origins = np.array([e.origin or "unnamed" for e in examples], dtype=str)
    direct = np.array(["en" not in e.langs for e in examples])
    kept = ~np.isin(origins, list(apart))
    if not kept.any():
        raise ValueError(f"there is no word but those of {list(apart)}")

    def over_pairs(rows: np.ndarray) -> dict[str, Any]:
        chosen = scores.take(np.flatnonzero(rows))
        return _figures(chosen, chosen.pairs, NUM_RESAMPLES, seed)

    def by(labels: np.ndarray, among: np.ndarray) -> dict[str, Any]:
        names = np.unique(labels[among])
        groups = {str(x): np.flatnonzero(among & (labels == x)) for x in names}
        one_stratum = np.zeros(len(labels), int)
        return {
            name: _figures(
                *(scores.take(rows), one_stratum[rows], NUM_GROUP_RESAMPLES, seed)
            )
            for name, rows in groups.items()
        }

    found = {"overall": over_pairs(kept)}
    if (kept & direct).any() and not direct[kept].all():
        found["direct"] = over_pairs(kept & direct)
    every = np.ones(len(scores), bool)
    by_pair, by_source = by(scores.pairs, kept), by(origins, every)
    return {**found, "by_pair": by_pair, "by_source": by_source}


def _figures(
    scores: WordScores, strata: np.ndarray, num_resamples: int, seed: int
) -> dict[str, Any]:
    found = intervals(scores, strata, num_resamples=num_resamples, seed=seed)
    return {"n": len(scores), **found}
