"""Figures with their intervals, as tables for a terminal, and what the figures mean.

What `examination` and a run's report hold goes in, aligned text comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from epik_jax.evaluation.glossary import METRICS, Metric

Row: TypeAlias = tuple[str, int, Mapping[str, Any]]
"""Name, number of words, metric -> {"value", "low", "high"}, fractions of one."""


def examination_table(made: Mapping[str, Any]) -> str:
    """The result for a terminal: one line per group, then what the columns mean."""
    groups = {"all": made["overall"]}
    if "direct" in made:
        groups["without English"] = made["direct"]
    rows = [
        (name, group["n"], group)
        for name, group in (
            *groups.items(),
            *made["by_pair"].items(),
            *made["by_source"].items(),
        )
    ]
    system = made["system"]
    table = figures_table(f"{system['name']}, {system['decode']}", rows)
    means = f"{' and '.join(groups)}: unweighted means over language pairs"
    whole = 'in full: "definitions" in what --json writes'
    return "\n".join([table, "", definitions(rows), means, whole])


def closing_table(report: Mapping[str, Any]) -> str:
    """The systems of a run's report, the time saved, and what the figures mean."""
    n = report["data"]["n"]
    rows = [
        (f"{s['name']} ({s['decode']})", n, s["overall"]) for s in report["systems"]
    ]
    text = figures_table("system", rows)
    notes = [definitions(rows), "all figures: unweighted means over language pairs"]
    timing = report.get("timing", {})
    if "reduction_percent" in timing:
        saved = ", ".join(
            f"{percent:.1f} % at batch size {size}"
            for size, percent in timing["reduction_percent"].items()
        )
        pair = timing["reduced"]
        text += f"\ntime saved by {pair['first']} against {pair['second']}: {saved}"
        notes.append("time saved: of the mean wall time of a batch, from text to text")
    notes.append('in full: "definitions" in report.json')
    return "\n".join([text, "", *notes])


def figures_table(title: str, rows: Sequence[Row]) -> str:
    """Figures with their 95 % intervals, in percent; a dash where there is none.

    Args:
      title: over the names.
      rows: a line each.
    """
    shown = _shown(rows)
    lines = [[title, "n", *(f"{metric.title} %" for metric in shown)]]
    for name, n, figures in rows:
        lines.append([name, str(n), *(_cell(figures.get(m.name)) for m in shown)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def definitions(rows: Sequence[Row]) -> str:
    """What the columns of `figures_table` mean, a line each."""
    lines = [
        f"{m.title}: {m.brief}{'; lower is better' if m.lower_is_better else ''}"
        for m in _shown(rows)
    ]
    return "\n".join([*lines, "[low, high]: 95 % interval of a bootstrap over words"])


def as_text(figure: Mapping[str, float]) -> str:
    """A figure with its interval, in percent."""
    value, low, high = (100 * figure[k] for k in ("value", "low", "high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _shown(rows: Sequence[Row]) -> list[Metric]:
    found = {name for _, _, figures in rows for name in figures}
    return [m for m in METRICS.values() if m.brief and m.name in found]


def _cell(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return "–"
    refs = figure.get("references")
    return as_text(figure) + ("" if refs is None else f", refs {100 * refs:.2f}")
