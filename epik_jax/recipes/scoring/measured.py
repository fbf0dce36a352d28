"""What was measured of a scorer of pairs, as rows of its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from epik_jax.evaluation.glossary import OF_CLASSES, OF_RANKS
from epik_jax.evaluation.pairs_page import FORMAT as REPORT
from epik_jax.interop.model_folder import AnyModel
from epik_jax.recipes.scoring.examination import FORMAT as EXAMINATION

FORMATS = (REPORT, EXAMINATION)

_METRICS = tuple(metric.name for metric in (*OF_RANKS, *OF_CLASSES))


def subject(made: Mapping[str, Any], model: AnyModel) -> Mapping[str, Any]:
    """The system that a file of figures is about: in a report, that of its digest."""
    if made["format"] == EXAMINATION:
        return made["system"]  # type: ignore[no-any-return]
    known = (model.digest, model.rounded().digest)
    systems = {system["digest"]: system for system in made["systems"]}
    return next((systems[x] for x in known if x in systems), made["systems"][-1])


def rows(made: Mapping[str, Any], model: AnyModel) -> list[dict[str, Any]]:
    """Rows of "pairs" (which), "n" and figures: all together, or each list."""
    if made["format"] == EXAMINATION:
        return [_row(made["data"]["path"], made["n"], made["overall"])]
    lists = subject(made, model)["by_list"]
    return [_row(name, found["n"], found) for name, found in lists.items()]


def _row(pairs: str, n: int, figures: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        name: {part: float(figures[name][part]) for part in ("value", "low", "high")}
        for name in _METRICS
        if name in figures
    }
    return {"pairs": pairs, "n": n, **found}
