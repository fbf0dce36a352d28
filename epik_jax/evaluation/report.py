"""Everything that was found out about some systems, as one nested dict.

Predictions, similarities, times and log lines go in; a dict that JSON can hold comes
out, unrounded. `page` draws it. The first system is the one that the report is about;
every other one is compared with it on the same words.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import numbers
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from epik_jax.evaluation import (
    bootstrap,
    clusters,
    comparison,
    fidelity,
    glossary,
    metrics,
    sounds,
    timing,
)
from epik_jax.evaluation.findings import (
    AttentionMap,
    Findings,
    System,
    demand_comparable,
)
from epik_jax.evaluation.intervals import intervals
from epik_jax.evaluation.metrics import Prediction, WordScores
from epik_jax.evaluation.signature import signatures
from epik_jax.evaluation.sounds import KeyFn, WordDistance
from epik_jax.files import write_whole

FORMAT = "epik-report-1"

Scorer: TypeAlias = Callable[[Sequence[Prediction]], WordScores]
"""Predictions -> their scores, in everything that the report measures."""

_DRAWN = {
    "level": 0.95,
    "strata": "language pairs",
    "clusters": clusters.DEFINITION,
}

# Where a line stands, not what it measures.
_LOG_COLUMNS = ("stage", "step", "time", "window_seconds", "outside_seconds")


def build_report(
    title: str,
    systems: Sequence[System],
    *,
    run: Mapping[str, Any],
    data: Mapping[str, Any],
    code: str,
    keys: Mapping[str, KeyFn] = sounds.SOUND_KEYS,
    key_definitions: Mapping[str, str] = sounds.SOUND_KEY_DEFINITIONS,
    distance: WordDistance | None = None,
    findings: Findings | None = None,
    num_resamples: int = 1000,
    num_rows: int = 40,
    seed: int = 0,
) -> dict[str, Any]:
    """Scores the systems, compares the first with the others, gathers the rest.

    Args:
      title: heading of the page.
      systems: the one that the report is about first; at most one has role "chain".
      run: what a reader needs to repeat it: config, commit, seed, budget, command.
      data: what was scored; must hold "name", free of "|"; may hold a "note".
      code: commit or release that scores, for signatures.
      keys: name -> sound key, each a column of its own, and one across scripts.
      key_definitions: name -> how that key is made, printed beside its figures.
      distance: between the sounds of answer and accepted spelling; None leaves its
        figure out.
      findings: similarities, times, log lines, attention.
      num_resamples: of each bootstrap.
      num_rows: most words in each list of examples.
      seed: of the bootstrap and of the choice of sample words.

    Returns:
      A dict of the layout `FORMAT`; fractions of one, never percent, but for
      "reduction_percent".

    Raises:
      ValueError: no systems, unknown roles, equal names, two chains, a key without a
        definition, or systems that answered different examples.
    """
    demand_comparable(systems)
    findings = findings or Findings()
    score = functools.partial(metrics.word_scores, keys=keys, distance=distance)
    scores = {s.name: score(s.predictions) for s in systems}
    resampling = {"num_resamples": num_resamples, "seed": seed}
    signed = {"keys": key_definitions, "code": code, "data": str(data["name"])}
    chain = next((s for s in systems if s.role == "chain"), None)
    report: dict[str, Any] = {
        "format": FORMAT,
        "title": title,
        "run": dict(run),
        "data": {**data, "n": len(systems[0].predictions)},
        "resampling": {**resampling, **_DRAWN},
        "definitions": _definitions(keys, key_definitions, distance is not None),
        "systems": [
            _system_entry(s, scores[s.name], score, signed, resampling) for s in systems
        ],
        "comparisons": [
            comparison.compare(systems[0].name, other.name, scores, **resampling)
            for other in systems[1:]
        ],
        "samples": comparison.sample_rows(systems, scores, num_rows, seed),
        "curves": curves(findings.log_rows),
        "attention": [_attention_entry(m) for m in findings.attention],
        "similarities": {
            name: dataclasses.asdict(s) for name, s in findings.similarities.items()
        },
    }
    if chain is not None and chain is not systems[0]:
        report["against_chain"] = {
            **comparison.against_chain(systems, chain, scores, num_rows),
            "gap": _gap(systems, chain, scores, resampling),
            "unseen": {
                name: _agreement(found, resampling)
                for name, found in findings.agreements.items()
            },
        }
    if findings.timings is not None:
        report["timing"] = _timing_entry(findings.timings, systems[0], chain)
    return report


def curves(log_rows: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Numbers of a metric log as metric -> one {stage, steps, values} per stage.

    What is not a finite number is left out.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in log_rows:
        stage = str(row.get("stage", ""))
        for name, value in row.items():
            if name in _LOG_COLUMNS or not isinstance(value, numbers.Real):
                continue
            if isinstance(value, bool) or not math.isfinite(value):
                continue
            line = found.setdefault(name, {}).setdefault(
                stage, {"stage": stage, "steps": [], "values": []}
            )
            line["steps"].append(int(row["step"]))
            line["values"].append(float(value))
    return {name: list(stages.values()) for name, stages in found.items()}


def write_report(path: pathlib.Path, report: Mapping[str, Any]) -> None:
    """Writes the dict as JSON, whole or not at all, in a folder made where missing.

    Raises:
      ValueError: it holds a number that is not finite.
    """
    text = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False)
    path.resolve().parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text + "\n")


def _definitions(
    keys: Mapping[str, KeyFn], key_definitions: Mapping[str, str], with_distance: bool
) -> dict[str, str]:
    if missing := sorted(set(keys) - set(key_definitions)):
        raise ValueError(f"no definition is given for the sound keys {missing}")
    used = {name: key_definitions[name] for name in keys}
    return {
        **glossary.definitions(used, with_distance),
        **{f"similarity {k}": v for k, v in fidelity.DEFINITIONS.items()},
    }


def _system_entry(
    system: System,
    scores: WordScores,
    score: Scorer,
    signed: dict[str, Any],
    resampling: dict[str, int],
) -> dict[str, Any]:
    more = metrics.summary_by_pair(score(system.more))
    return {
        "name": system.name,
        "role": system.role,
        "decode": system.decode,
        "num_parameters": system.num_parameters,
        "note": system.note,
        **({"digest": system.digest} if system.digest else {}),
        "overall": intervals(scores, scores.pairs, **resampling),
        "pairs": {**metrics.summary_by_pair(scores), **more},
        "sources": {
            **_by_source(system.predictions, score, apart=False),
            **_by_source(system.apart, score, apart=True),
        },
        "signatures": signatures(scores.metrics(), decode=system.decode, **signed),
    }


def _by_source(
    predictions: Sequence[Prediction], score: Scorer, *, apart: bool
) -> dict[str, Any]:
    """Figures by the list that words came from, pooled over language pairs."""
    found: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        found.setdefault(prediction[0].origin or "unnamed", []).append(prediction)
    return {
        name: {
            **metrics.summary(score(found[name])),
            "apart": apart,
        }
        for name in sorted(found)
    }


def _gap(
    systems: Sequence[System],
    chain: System,
    scores: Mapping[str, WordScores],
    resampling: dict[str, int],
) -> dict[str, Any] | None:
    oracle = next((s for s in systems if s.role == "oracle"), None)
    if oracle is None:
        return None
    mine, start, end = (scores[s.name] for s in (systems[0], chain, oracle))
    closed = comparison.gap_closed(mine, start, end, **resampling)
    return {"oracle": oracle.name, "closed": closed}


def _agreement(found: WordScores, resampling: dict[str, int]) -> dict[str, Any]:
    """Scores against the chain's spelling, pooled: its words take turns of targets."""
    entry: dict[str, Any] = {"n": len(found)}
    for metric in ("cer", "top1"):
        made = bootstrap.interval(
            found.ratio(metric), np.zeros(len(found), int), **resampling
        )
        entry[metric] = made.figure()
    return entry


def _timing_entry(
    timings: timing.Timings, subject: System, chain: System | None
) -> dict[str, Any]:
    measured = timings.systems
    entry: dict[str, Any] = {
        "device": timings.device,
        "num_words": timings.num_words,
        "repeats": timings.repeats,
        "systems": {
            name: [dataclasses.asdict(t) for t in found]
            for name, found in measured.items()
        },
    }
    if chain is not None and {subject.name, chain.name} <= set(measured):
        reduction = timing.reduction_percent(
            measured[subject.name], measured[chain.name]
        )
        entry["reduction_percent"] = {str(k): v for k, v in reduction.items()}
        entry["reduced"] = {"first": subject.name, "second": chain.name}
    return entry


def _attention_entry(attention: AttentionMap) -> dict[str, Any]:
    return {
        "source_lang": attention.source_lang,
        "target_lang": attention.target_lang,
        "source_symbols": list(attention.source_symbols),
        "target_symbols": list(attention.target_symbols),
        "weights": np.asarray(attention.weights, float).tolist(),
    }
