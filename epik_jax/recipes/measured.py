"""Figures for a model's card, out of what `evaluate --json` and runs have written.

A JSON file goes in, rows for a table come out, if they are the model's. Nothing is
measured here; which layouts there are, the recipes know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from epik_jax.interop.model_folder import AnyModel
from epik_jax.interop.model_kinds import (
    KINDS,
    SCORES,
    TAGS,
    TRANSLITERATES,
    Use,
    kind_of,
)
from epik_jax.recipes.scoring import measured as scoring
from epik_jax.recipes.tagging import measured as tagging
from epik_jax.recipes.transliteration import measured as transliteration

_RECIPES: dict[Use, ModuleType] = {
    TRANSLITERATES: transliteration,
    TAGS: tagging,
    SCORES: scoring,
}


def measured(path: Path, model: AnyModel) -> list[dict[str, Any]]:
    """Rows of what was measured of a model.

    Args:
      path: written by `epik-jax evaluate --json`, or a run's report.json.
      model: whose figures they must be, as it is or after bfloat16 has rounded it.

    Returns:
      Rows of "words", "sentences" or "pairs" (which, and how), "n", and metrics with
      "value", "low" and "high", fractions of one.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it holds no figures of a known layout, not all of them, or those of
        something else.
    """
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    recipe = _RECIPES[KINDS[kind_of(model.config)].use]
    kind = made.get("format") if isinstance(made, Mapping) else None
    if kind not in recipe.FORMATS:
        expected = " or ".join(map(repr, recipe.FORMATS))
        raise ValueError(f"{path} has format {kind!r}, not {expected}")
    try:
        _demand_same(model, recipe.subject(made, model))
        return recipe.rows(made, model)  # type: ignore[no-any-return]
    except ValueError as error:
        raise ValueError(f"{path} has {error}") from error
    except (AttributeError, LookupError, TypeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} is not whole: {said}; measure again") from error


def _demand_same(model: AnyModel, system: Mapping[str, Any]) -> None:
    """Refuses figures of another model."""
    found = system.get("digest", model.digest)
    if found not in (model.digest, model.rounded().digest):
        raise ValueError(
            f"figures of another model: of digest {found[:12]}, this one's is "
            f"{model.digest[:12]}"
        )
