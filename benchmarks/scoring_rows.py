"""Rows of the tables about scorers in RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cells import percent, read, row

BEST = "best teacher"
"""On dev lists; it is one of the teachers, whose rows say what it comes to."""


def lines() -> Iterator[str]:
    """Rows of every table about scorers."""
    presets = read("tmkd/presets.json")
    yield from size_rows(presets["tasks"])
    for task, rows in presets["rows"].items():
        yield from preset_rows(rows, presets["tasks"].get(task))


def size_rows(tasks: Mapping[str, Any]) -> Iterator[str]:
    """What each system costs: of one task, for all have networks of one size."""
    task, about = next(iter(tasks.items()))
    systems = about["systems"]
    teacher = systems[f"teacher {about['best']}"]["per_second"]
    for name, one in systems.items():
        if name == BEST:
            continue
        pairs = (f"{count:,.0f}" for count in one["per_second"].values())
        times = (f"{n / teacher[x]:.1f}" for x, n in one["per_second"].items())
        yield row(f"{name}, {task}", f"{one['parameters']:,}", *pairs, *times)


def preset_rows(
    rows: list[Mapping[str, Any]], about: Mapping[str, Any] | None
) -> Iterator[str]:
    """Each system on one task, or on the mean of all, and how far it is from others."""
    for one in rows:
        if one["system"] == BEST:
            continue
        others = [x for x in one["figures"] if about and x != about["metric"]]
        figures = (f"{100 * one['figures'][x]:.1f}" for x in others)
        yield row(one["system"], _spread(one), *figures, *_differences(one))


def _differences(one: Mapping[str, Any]) -> list[str]:
    """From TMKD, the crowd and the best teacher, where that was worked out."""
    found = (one["differences"].get(x) for x in ("TMKD", "crowd", BEST))
    return [f"{percent(x)} {x['verdict']}" if x else "" for x in found]


def _spread(one: Mapping[str, Any]) -> str:
    spread = "" if one["sd"] is None else f" ± {100 * one['sd']:.1f}"
    return f"{100 * one['mean']:.1f}{spread}"
