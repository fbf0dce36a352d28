"""Figures for a model's card, out of what `evaluate --json` and runs have written.

A JSON file goes in, rows for a table come out, if they are the model's. Nothing is
measured here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epik_jax.evaluation.report import FORMAT as REPORT
from epik_jax.interop.model_folder import Transliterator
from epik_jax.recipes.transliteration.examination import FORMAT as EXAMINATION
from epik_jax.recipes.transliteration.lexicons import SUBJECT
from epik_jax.recipes.transliteration.scoreboard import STUDENT

_METRICS = ("cer", "top1")


def measured(path: Path, model: Transliterator) -> list[dict[str, Any]]:
    """Rows of what was measured of a model.

    Args:
      path: written by `epik-jax evaluate --json`, or a run's report.json.
      model: whose figures they must be, as it is or after bfloat16 has rounded it.

    Returns:
      Rows of `words` (which, and how they were decoded), `n`, and for each of CER and
      top-1 `value`, `low` and `high`, fractions of one.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it holds no figures of either layout, not all of them, or those of
        something else.
    """
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    kind = made.get("format") if isinstance(made, Mapping) else None
    if kind not in (REPORT, EXAMINATION):
        expected = f"not {REPORT!r} or {EXAMINATION!r}"
        raise ValueError(f"{path} has format {kind!r}, {expected}")
    report = kind == REPORT
    try:
        _demand_same(model, made["systems"][0] if report else made["system"], path)
        return [_of_report(made)] if report else _of_examination(made)
    except (AttributeError, LookupError, TypeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} is not whole: {said}; measure again") from error


def _demand_same(model: Transliterator, system: Mapping[str, Any], path: Path) -> None:
    """Refuses figures of anything but the model."""
    subject = {"epik": STUDENT, "matra": SUBJECT}.get(model.about.get("recipe", ""))
    if system["name"] not in ("model", subject):
        raise ValueError(
            f"{path} has figures of {system['name']!r}, not of the model itself"
        )
    measured = system.get("digest", model.digest)
    if measured not in (model.digest, model.rounded().digest):
        raise ValueError(
            f"{path} has figures of another model: of digest {measured[:12]}, "
            f"this one's is {model.digest[:12]}"
        )


def _of_report(made: Mapping[str, Any]) -> dict[str, Any]:
    subject, num_pairs = made["systems"][0], len(made["systems"][0]["pairs"])
    words = f"{made['data']['name']}, mean over {num_pairs} language pairs"
    return _row(f"{words}, {subject['decode']}", made["data"]["n"], subject["overall"])


def _of_examination(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    name, decode = made["data"]["path"], made["system"]["decode"]
    part = f" ({made['data']['part']})" if "part" in made["data"] else ""
    return [
        _row(f"{name}{part}, {pair}, {decode}", figures["n"], figures)
        for pair, figures in made["by_pair"].items()
    ]


def _row(words: str, n: int, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {"words": words, "n": n, **{m: figures[m] for m in _METRICS}}
