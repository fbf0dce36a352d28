"""Figures with their intervals, as tables for a terminal, and what the figures mean.

Rows of figures go in, aligned text comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from epik_jax.evaluation.glossary import ALL_METRICS, Metric

Row: TypeAlias = tuple[str, int, Mapping[str, Any]]
"""Name, number of words, metric -> {"value", "low", "high"}, fractions of one."""


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


def definitions(rows: Sequence[Row], drawn: str = "words") -> str:
    """What the columns of `figures_table` mean, a line each.

    Args:
      rows: of the table.
      drawn: what the bootstrap of the intervals draws anew.
    """
    lines = [
        f"{m.title}: {m.brief}{'; lower is better' if m.lower_is_better else ''}"
        for m in _shown(rows)
    ]
    return "\n".join(
        [*lines, f"[low, high]: 95 % interval of a bootstrap over {drawn}"]
    )


def as_text(figure: Mapping[str, float]) -> str:
    """A figure with its interval, in percent."""
    value, low, high = (100 * figure[k] for k in ("value", "low", "high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _shown(rows: Sequence[Row]) -> list[Metric]:
    found = {name for _, _, figures in rows for name in figures}
    return [m for m in ALL_METRICS.values() if m.brief and m.name in found]


def _cell(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return "–"
    refs = figure.get("references")
    return as_text(figure) + ("" if refs is None else f", refs {100 * refs:.2f}")
