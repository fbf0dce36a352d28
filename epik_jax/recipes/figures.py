"""Figures with their intervals, as tables for a terminal.

What `examination` and a run's report hold goes in, aligned text comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN = {
    "cer": "CER %",
    "top1": "top-1 %",
    "sound_class": "sound class %",
    "strict": "strict key %",
    "phonetic": "phonetic key %",
}


def examination_table(made: Mapping[str, Any]) -> str:
    """The result for a terminal: one line per group."""
    rows = [("all", made["overall"])]
    if "direct" in made:
        rows.append(("without English", made["direct"]))
    rows += [*made["by_pair"].items(), *made["by_source"].items()]
    system = made["system"]
    title = f"{system['name']}, {system['decode']}"
    return figures_table(title, [(name, group["n"], group) for name, group in rows])


def closing_table(report: Mapping[str, Any]) -> str:
    """The systems of a run's report for a terminal, and the time saved."""
    n = report["data"]["n"]
    rows = [
        (f"{s['name']} ({s['decode']})", n, s["overall"]) for s in report["systems"]
    ]
    text = figures_table("system", rows)
    timing = report.get("timing", {})
    if "reduction_percent" in timing:
        saved = ", ".join(
            f"{percent:.1f} % at batch size {size}"
            for size, percent in timing["reduction_percent"].items()
        )
        pair = timing["reduced"]
        text += f"\ntime saved by {pair['first']} against {pair['second']}: {saved}"
    return text


def figures_table(
    title: str, rows: Sequence[tuple[str, int, Mapping[str, Any]]]
) -> str:
    """Figures with their 95 % intervals, in percent.

    Args:
      title: over the names.
      rows: name, number of words, metric -> {"value", "low", "high"}.
    """
    shown = [m for m in _SHOWN if all(m in figures for _, _, figures in rows)]
    lines = [[title, "n", *(_SHOWN[m] for m in shown)]]
    for name, n, figures in rows:
        lines.append([name, str(n), *(_figure(figures[m]) for m in shown)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _figure(figure: Mapping[str, float]) -> str:
    value, low, high = (100 * figure[k] for k in ("value", "low", "high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"
