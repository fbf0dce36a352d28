"""The report of a scoring run as one HTML file that needs nothing but itself.

A dict of figures goes in, a page comes out: headline, systems, lists, pairs seen
differently, speed, curves, definitions. It computes nothing beyond rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from epik_jax.evaluation import appendix, glossary
from epik_jax.evaluation.figure_tables import figure_cell, named_table
from epik_jax.evaluation.markup import Markup, joined, note, section, tag
from epik_jax.evaluation.page import document, facts, tile
from epik_jax.evaluation.tables import percent

FORMAT = "epik-scoring-report-2"


def render(report: Mapping[str, Any]) -> str:
    """The page as text; all that the report holds is escaped.

    Raises:
      ValueError: the report has another layout than this code knows.
    """
    sections = (_systems, _differences, _lists, _samples, _times)
    return document(report, FORMAT, (_header, *sections, appendix.curves, _definitions))


def _header(report: Mapping[str, Any]) -> Markup:
    *teachers, student = (one for one in report["systems"] if one["name"] != "crowd")
    best = max(teachers, key=lambda one: one["overall"][report["metric"]]["value"])
    metric, data = glossary.named(report["metric"]), report["data"]
    name = f"teacher {best['name']}"
    size, ratio = next(iter(report["speedup"][best["name"]].items()))
    rate, slow = (
        report["latency"]["systems"][one["name"]][size]["per_second"]
        for one in (student, best)
    )
    tiles = [
        tile(
            f"{metric.heading} of the student",
            f"{percent(student['overall'][metric.name]['value'])} %",
            tag(
                "span",
                f"{name} {percent(best['overall'][metric.name]['value'])} %",
            ),
        ),
        tile(
            "Parameters",
            f"{best['parameters'] / student['parameters']:.1f}× fewer",
            tag(
                "span", f"{student['parameters']:,} of {best['parameters']:,} of {name}"
            ),
        ),
        tile(
            "Pairs a second",
            f"{ratio:.1f}× as many",
            tag("span", f"{rate:,.0f} at batch size {size}, {slow:,.0f} of {name}"),
        ),
    ]
    general = sum(data["general"].values())
    about = f"Scored on {data['n']:,} pairs of “{data['name']}”."
    told = {**report["run"], **_cut(data["cut"])}
    if general:
        told["pairs without labels"] = f"{general:,}"
    return joined(
        [
            tag("h1", report["title"]),
            tag("p", about),
            tag("div", *tiles, class_="tiles"),
            facts(told),
        ]
    )


def _cut(shares: Mapping[str, float]) -> dict[str, str]:
    """Which lists hold pairs that are too long for the student."""
    return {
        f"too long, {name}": f"the end of {percent(share)} % of the pairs is not read"
        for name, share in shares.items()
        if share
    }


def _systems(report: Mapping[str, Any]) -> Markup:
    """Every system on all lists."""
    shown = [glossary.named(name) for name in report["definitions"]]
    head = ["System", "Parameters", *(f"{m.heading} %" for m in shown)]
    rows = [
        [
            system["name"],
            f"{system['parameters']:,}",
            *(_cell(system["overall"], m.name) for m in shown),
        ]
        for system in report["systems"]
    ]
    text = (
        "Every list counts alike. A crowd's answer is the mean of its teachers' "
        "probabilities. In brackets the 95 % interval of a bootstrap over questions."
    )
    return section("Systems", note(text), named_table(head, rows))


def _differences(report: Mapping[str, Any]) -> Markup:
    """The student against each teacher and the crowd, on the same pairs."""
    shown = [glossary.named(name) for name in report["definitions"]]
    head = ["Student minus", *(m.heading for m in shown), "Verdict"]
    metric = report["metric"]
    rows = [
        [name, *(_cell(found, m.name) for m in shown), found[metric]["verdict"]]
        for name, found in report["differences"].items()
    ]
    title = glossary.named(metric).title
    text = f"In points, paired; the verdict is by {title}."
    return section("Against its teachers", note(text), named_table(head, rows))


def _lists(report: Mapping[str, Any]) -> Markup:
    metric = glossary.named(report["metric"])
    systems = report["systems"]
    asked = report["data"]["questions"]
    about = [
        f"Of {name}, {', '.join(f'{n:,} {kind}' for kind, n in counts.items())}."
        for name, counts in asked.items()
    ]
    head = ["List", "Pairs", *(f"{system['name']}" for system in systems)]
    rows = [
        [
            name,
            f"{found['n']:,}",
            *(_cell(system["by_list"][name], metric.name) for system in systems),
        ]
        for name, found in systems[0]["by_list"].items()
    ]
    text = " ".join([f"{metric.heading} %.", *about])
    return section("Lists", note(text), named_table(head, rows))


def _samples(report: Mapping[str, Any]) -> Markup:
    """Pairs that the student and its teachers see most differently."""
    if not report["samples"]:
        return Markup("")
    systems = [*report["samples"][0]["probs"]]
    rows = [
        [
            sample["list"],
            joined([tag("div", sample["text_a"]), tag("div", sample["text_b"])]),
            sample["label"],
            *(percent(sample["probs"][system]) for system in systems),
        ]
        for sample in report["samples"]
    ]
    text = (
        "Of each list the pairs whose label one of the two finds much likelier than "
        "the other does: its probability by both."
    )
    head = ["List", "Texts", "Label", *(f"{system} %" for system in systems)]
    return section("Seen differently", note(text), named_table(head, rows, names=3))


def _times(report: Mapping[str, Any]) -> Markup:
    """Pairs scored in a second, and milliseconds of a pass."""
    latency = report["latency"]
    head = ["System", "Batch size", "Pairs a second", "Mean ms", "p50 ms", "p95 ms"]
    head.append("Student is times as fast")
    rows = []
    for name, sizes in latency["systems"].items():
        for size, one in sizes.items():
            ratio = report["speedup"].get(name, {}).get(size)
            times = [f"{one[k]:.2f}" for k in ("mean_ms", "p50_ms", "p95_ms")]
            told = f"{ratio:.1f}" if ratio else "–"
            rows.append([name, size, f"{one['per_second']:,.0f}", *times, told])
    text = (
        f"Passes over full batches of {latency['length']} pieces, from ids to "
        f"probabilities, warm, {latency['runs']} each, in turns, in "
        f"{latency['matmul_dtype']}, on {latency['device']}."
    )
    return section("Speed", note(text), named_table(head, rows))


def _definitions(report: Mapping[str, Any]) -> Markup:
    terms = [
        joined([tag("dt", glossary.named(name).heading), tag("dd", text)])
        for name, text in report["definitions"].items()
    ]
    return section("Definitions", tag("dl", *terms, class_="terms"))


def _cell(found: Mapping[str, Any], metric: str) -> Markup | str:
    return figure_cell(found[metric]) if metric in found else "–"
