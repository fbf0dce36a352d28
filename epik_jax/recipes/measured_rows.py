"""What rows of a card are made of, whatever was measured: a system, and its figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from epik_jax.evaluation.glossary import Metric
from epik_jax.interop.model_folder import AnyModel


def system_of(
    made: Mapping[str, Any], model: AnyModel, examination: str
) -> Mapping[str, Any]:
    """The system that a file of figures is about: in a report, that of its digest.

    Args:
      made: the file.
      model: whose system is wanted, as it is or after bfloat16 has rounded it.
      examination: format of files that are about one system alone.
    """
    if made["format"] == examination:
        return made["system"]  # type: ignore[no-any-return]
    known = (model.digest, model.rounded().digest)
    systems = {system["digest"]: system for system in made["systems"]}
    return next((systems[x] for x in known if x in systems), made["systems"][-1])


def bounded(
    figures: Mapping[str, Any], metrics: Iterable[Metric]
) -> dict[str, dict[str, float]]:
    """Those of the metrics that there are, each with the bounds of its interval."""
    parts = ("value", "low", "high")
    return {
        metric.name: {part: float(figures[metric.name][part]) for part in parts}
        for metric in metrics
        if metric.name in figures
    }
