"""What was measured of a transliterator, as rows of its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from epik_jax.evaluation.report import FORMAT as REPORT
from epik_jax.interop.model_folder import AnyModel
from epik_jax.recipes.transliteration.examination import FORMAT as EXAMINATION
from epik_jax.recipes.transliteration.lexicons import SUBJECT
from epik_jax.recipes.transliteration.scoreboard import STUDENT

FORMATS = (REPORT, EXAMINATION)

_METRICS = ("cer", "top1")


def subject(made: Mapping[str, Any], model: AnyModel) -> Mapping[str, Any]:
    """The system that a file of figures is about.

    Raises:
      ValueError: it is not the model by itself.
    """
    system = made["systems"][0] if made["format"] == REPORT else made["system"]
    name = {"epik": STUDENT, "matra": SUBJECT}.get(model.about.get("recipe", ""))
    if system["name"] not in ("model", name):
        raise ValueError(f"figures of {system['name']!r}, not of the model itself")
    return system  # type: ignore[no-any-return]


def rows(made: Mapping[str, Any], model: AnyModel) -> list[dict[str, Any]]:
    """Rows of "words" (which, and how they were decoded), "n", CER and top-1."""
    if made["format"] == REPORT:
        first, data = made["systems"][0], made["data"]
        words = f"{data['name']}, mean over {len(first['pairs'])} language pairs"
        return [_row(f"{words}, {first['decode']}", data["n"], first["overall"])]
    name, decode = made["data"]["path"], made["system"]["decode"]
    part = f" ({made['data']['part']})" if "part" in made["data"] else ""
    return [
        _row(f"{name}{part}, {pair}, {decode}", figures["n"], figures)
        for pair, figures in made["by_pair"].items()
    ]


def _row(words: str, n: int, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {"words": words, "n": n, **{m: figures[m] for m in _METRICS}}
