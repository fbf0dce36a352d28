"""A report as one HTML file that needs nothing but itself.

The dict of `report` goes in, a page comes out: headline, table of systems, pairs,
words, time, curves, definitions and signatures. It computes nothing beyond rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from epik_jax.evaluation import appendix, charts, glossary, sections, tables
from epik_jax.evaluation.markup import Markup, joined, tag
from epik_jax.evaluation.report import FORMAT
from epik_jax.evaluation.style import CSS

_SECTIONS = (
    sections.systems,
    sections.pairs,
    sections.sources,
    sections.chain,
    sections.samples,
    appendix.times,
    appendix.similarity,
    appendix.attention,
    appendix.curves,
    appendix.definitions,
)


def render(report: Mapping[str, Any]) -> str:
    """The page as text; all that the report holds is escaped.

    Raises:
      ValueError: the report has another layout than this code knows.
    """
    return document(report, FORMAT, (_header, *_SECTIONS))


def document(
    report: Mapping[str, Any],
    layout: str,
    parts: Sequence[Callable[[Mapping[str, Any]], Markup]],
) -> str:
    """A page that needs nothing but itself.

    Args:
      report: with its "format" and "title".
      layout: the format that the parts know.
      parts: of the page, in order.

    Raises:
      ValueError: the report has another layout.
    """
    if report.get("format") != layout:
        raise ValueError(f"report has format {report.get('format')!r}, not {layout!r}")
    body = joined([part(report) for part in parts])
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", report["title"]),
        tag("style", Markup(CSS)),
    )
    whole = tag("html", head, tag("body", tag("main", body)), lang="en")
    return f"<!doctype html>\n{whole}\n"


def facts(run: Mapping[str, Any]) -> Markup:
    """What a report says of its run, name by name."""
    entries = [
        joined([tag("dt", str(name)), tag("dd", str(value))])
        for name, value in run.items()
    ]
    return tag("dl", *entries, class_="run")


def _header(report: Mapping[str, Any]) -> Markup:
    data = report["data"]
    about = f"Scored on {data['n']:,} words of “{data['name']}”. {data.get('note', '')}"
    return joined(
        [
            tag("h1", report["title"]),
            tag("p", about),
            _tiles(report),
            facts(report["run"]),
        ]
    )


def _tiles(report: Mapping[str, Any]) -> Markup:
    subject = report["systems"][0]
    chain = report.get("against_chain", {}).get("chain")
    rivals = [c for c in report["comparisons"] if chain in (None, c["second"])]
    rival = rivals[0] if rivals else None
    shown = [m for m in ("cer", "top1", "sound_class") if m in subject["overall"]]
    tiles = [_figure_tile(subject, metric, rival) for metric in shown]
    reduction = report.get("timing", {}).get("reduction_percent", {})
    if reduction:
        size, value = max(reduction.items(), key=lambda item: int(item[0]))
        text = f"{charts.signed(-value)} %"
        under = f"wall time per batch of {size} against {chain}"
        tiles.append(tile("Time", text, tag("span", under)))
    return tag("div", *tiles, class_="tiles")


def _figure_tile(
    subject: Mapping[str, Any], metric: str, rival: Mapping[str, Any] | None
) -> Markup:
    value = f"{tables.percent(subject['overall'][metric]['value'])} %"
    name = f"{glossary.named(metric).heading} of {subject['name']}"
    if rival is None:
        return tile(name, value)
    found = rival["difference"][metric]
    low, high = tables.points(found["low"]), tables.points(found["high"])
    text = f"{tables.points(found['value'])} points [{low}, {high}]"
    against = tag("span", f"against {rival['second']} ", tables.chip(found["verdict"]))
    return tile(name, value, tag("span", text), against)


def tile(name: str, value: str, *under: Markup) -> Markup:
    """A figure among those at the top of a page."""
    return tag(
        "div", tag("span", name, class_="name"), tag("b", value), *under, class_="tile"
    )
