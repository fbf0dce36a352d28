"""Figures as they are written in the tables of RESULTS.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"


def read(name: str) -> dict[str, Any]:
    """A file below results/."""
    found: dict[str, Any] = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    return found


def percent(figure: Mapping[str, float]) -> str:
    """A figure with its interval, in percent."""
    value, low, high = (100 * figure[k] for k in ("value", "low", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def row(*cells: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"
