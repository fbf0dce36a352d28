"""What was measured of a scorer of pairs, as rows of its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from epik_jax.evaluation.glossary import OF_CLASSES, OF_RANKS
from epik_jax.evaluation.pairs_page import FORMAT as REPORT
from epik_jax.interop.model_folder import AnyModel
from epik_jax.recipes.measured_rows import bounded, system_of
from epik_jax.recipes.scoring.examination import FORMAT as EXAMINATION

FORMATS = (REPORT, EXAMINATION)

_METRICS = (*OF_RANKS, *OF_CLASSES)


def subject(made: Mapping[str, Any], model: AnyModel) -> Mapping[str, Any]:
    """The system that a file of figures is about: in a report, that of its digest."""
    return system_of(made, model, EXAMINATION)


def rows(made: Mapping[str, Any], model: AnyModel) -> list[dict[str, Any]]:
    """Rows of "pairs" (which), "n" and figures: all together, or each list."""
    if made["format"] == EXAMINATION:
        return [_row(made["data"]["path"], made["n"], made["overall"])]
    lists = subject(made, model)["by_list"]
    return [_row(name, found["n"], found) for name, found in lists.items()]


def _row(pairs: str, n: int, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {"pairs": pairs, "n": n, **bounded(figures, _METRICS)}
