"""Rows of the tables about taggers in RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cells import percent, read, row

SYSTEMS = ("teacher", "student")

COMPARED = {
    "strategies": "",
    "strategies-drawn": ", embeddings drawn",
    "strategies-tenth": "",
}
"""Files of strategies under one budget, and what is special about theirs."""


def lines() -> Iterator[str]:
    """Rows of every table about taggers."""
    report = read("xtremedistil/student.json")
    yield from system_rows(report)
    yield from language_rows(report)
    yield from list_rows(report)
    yield from latency_rows(report["latency"])
    yield from sweep_rows(report)
    for name, special in COMPARED.items():
        yield from strategy_rows(read(f"xtremedistil/{name}.json"), special)


def system_rows(report: Mapping[str, Any]) -> Iterator[str]:
    """Each system on all languages."""
    for system in report["systems"]:
        figures = (percent(system["overall"][x]) for x in ("f1", "precision", "recall"))
        parameters = f"{system['parameters']:,}"
        yield row(system["name"], parameters, *figures, f"{100 * system['sd']:.1f}")


def language_rows(report: Mapping[str, Any]) -> Iterator[str]:
    """F1 of both in each language, and what is kept of it."""
    teacher, student = (_system(report, name)["by_language"] for name in SYSTEMS)
    for lang, found in student.items():
        counts = (f"{found[what]:,}" for what in ("n", "entities"))
        both = (percent(one[lang]["f1"]) for one in (teacher, student))
        kept = percent(report["kept_by_language"][lang])
        yield row(lang, *counts, *both, kept)


def list_rows(report: Mapping[str, Any]) -> Iterator[str]:
    """F1 of both on each test list."""
    teacher, student = (_system(report, name)["by_list"] for name in SYSTEMS)
    for name, found in student.items():
        both = (percent(one[name]["f1"]) for one in (teacher, student))
        yield row(f"`{name}`", f"{found['n']:,}", *both)


def latency_rows(latency: Mapping[str, Any]) -> Iterator[str]:
    """Milliseconds of a pass, and how many times as fast as both large networks."""
    for name, sizes in latency["systems"].items():
        cells = [
            " / ".join(f"{one[x]:.2f}" for x in ("mean_ms", "p50_ms", "p95_ms"))
            for one in sizes.values()
        ]
        for ratios in latency["speedup"].values():
            found = ratios.get(name, {})
            cells += [f"{found[size]:.1f}" if found else "" for size in sizes]
        yield row(name, *cells)


def sweep_rows(report: Mapping[str, Any]) -> Iterator[str]:
    """What each size of student comes to on dev sentences."""
    speedup = report["latency"]["speedup"]["teacher"]
    for size in report["sweep"]:
        yield row(
            size["name"],
            f"{size['parameters']:,}",
            f"{size['compression']:.1f}",
            *(f"{ratio:.1f}" for ratio in speedup[size["name"]].values()),
            percent(size["dev"]),
        )


def strategy_rows(found: Mapping[str, Any], special: str) -> Iterator[str]:
    """Each strategy's mean over seeds, and how far it is from the first."""
    for one in found["rows"]:
        difference = one.get("difference")
        if special and difference is None and len(found["rows"]) > 1:
            continue  # It is what the others differ from, and has a row already.
        yield row(
            f"{one['strategy']}{special}",
            f"{100 * one['mean']:.1f} ± {100 * one['sd']:.1f}",
            percent(difference) if difference else "",
            one.get("verdict", ""),
        )


def _system(report: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(x for x in report["systems"] if x["name"] == name)
    return found
