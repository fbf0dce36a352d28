"""Rows of the tables about scorers in RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cells import percent, read, row

from epik_jax.recipes.scoring.presets import PRESETS

BEST = "best teacher"
"""On dev lists; it is one of the teachers, whose rows say what it comes to."""

SWEPT = [f"sweep-snli-{what}" for what in ("steps", "teachers", "ratio", "general")]
"""Files of one setting varied each, on the dev list of a task."""


def lines() -> Iterator[str]:
    """Rows of every table about scorers."""
    presets = read("tmkd/presets.json")
    yield from size_rows(presets["tasks"])
    for task, rows in presets["rows"].items():
        yield from preset_rows(rows, presets["tasks"].get(task))
    for task, rows in read("tmkd/presets-even.json")["rows"].items():
        yield from even_rows(rows, task)
    for name in SWEPT:
        yield from sweep_rows(read(f"tmkd/{name}.json"), name.split("-")[1])


def size_rows(tasks: Mapping[str, Any]) -> Iterator[str]:
    """What each system costs, of one task: on others the tables of pieces differ."""
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


def even_rows(rows: list[Mapping[str, Any]], task: str) -> Iterator[str]:
    """Presets without a first stage that took as many steps as those with one."""
    for one in rows:
        if one["system"] in PRESETS and not PRESETS[one["system"]].general:
            yield row(task, one["system"], _spread(one), *_differences(one))


def sweep_rows(found: Mapping[str, Any], task: str) -> Iterator[str]:
    """Each value of what was varied, and how far it is from the first."""
    first = found["rows"][0]["system"]
    for one in found["rows"]:
        difference = one["differences"].get(first)
        told = f"{percent(difference)} {difference['verdict']}" if difference else ""
        setting = one["system"].removeprefix("tmkd.").replace("=", " = ")
        yield row(task, f"`{setting}`", _spread(one), told)


def _differences(one: Mapping[str, Any]) -> list[str]:
    """From TMKD, the crowd and the best teacher, where that was worked out."""
    found = (one["differences"].get(x) for x in ("TMKD", "crowd", BEST))
    return [f"{percent(x)} {x['verdict']}" if x else "" for x in found]


def _spread(one: Mapping[str, Any]) -> str:
    spread = "" if one["sd"] is None else f" ± {100 * one['sd']:.1f}"
    return f"{100 * one['mean']:.1f}{spread}"
