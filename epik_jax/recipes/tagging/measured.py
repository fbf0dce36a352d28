"""What was measured of a labeller, as rows of its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from epik_jax.evaluation.entity_page import FORMAT as REPORT
from epik_jax.evaluation.glossary import OF_CLASSES, OF_ENTITIES
from epik_jax.interop.model_folder import AnyModel
from epik_jax.recipes.measured_rows import bounded, system_of
from epik_jax.recipes.tagging.examination import FORMAT as EXAMINATION

FORMATS = (REPORT, EXAMINATION)

_METRICS = (*OF_ENTITIES, *OF_CLASSES)


def subject(made: Mapping[str, Any], model: AnyModel) -> Mapping[str, Any]:
    """The system that a file of figures is about: in a report, that of its digest."""
    return system_of(made, model, EXAMINATION)


def rows(made: Mapping[str, Any], model: AnyModel) -> list[dict[str, Any]]:
    """Rows of "sentences" (which), "n" and figures: all together, then each list."""
    if made["format"] == EXAMINATION:
        return [_row(made["data"]["path"], made["n"], made["overall"])]
    system, data = subject(made, model), made["data"]
    whole = f"{data['name']}, mean over {len(system['by_language'])} languages"
    return [
        _row(whole, data["n"], system["overall"]),
        *(_row(name, found["n"], found) for name, found in system["by_list"].items()),
    ]


def _row(sentences: str, n: int, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentences": sentences, "n": n, **bounded(figures, _METRICS)}
