"""Small charts as inline SVG whose text stays text.

Numbers in the units of the reader go in, `Markup` comes out; colours come from the
page's style sheet through classes. Nothing here knows a metric.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from epik_jax.evaluation.markup import Markup, joined, tag

_NUM_COLOURS, _NUM_DASHES = 5, 3
_MAX_POINTS = 240  # Points of a curve; more are averaged in runs of equal length.


@dataclasses.dataclass(frozen=True)
class Curve:
    """One line of a chart: `values` over `steps`."""

    label: str
    steps: Sequence[float]
    values: Sequence[float]


@dataclasses.dataclass(frozen=True)
class Point:
    """One point of a scatter chart, with its label beside it."""

    label: str
    x: float
    y: float


@dataclasses.dataclass(frozen=True)
class Bar:
    """One bar; `kind` is "subject", "chain" or "other", `tick` a mark on it."""

    label: str
    value: float
    kind: str
    text: str
    tick: float | None = None


@dataclasses.dataclass(frozen=True)
class Range:
    """A difference with its interval; `verdict` colours it, `strong` stresses it."""

    label: str
    value: float
    low: float
    high: float
    verdict: str
    strong: bool = False


def line_chart(curves: Sequence[Curve]) -> Markup:
    """Curves over a common axis of steps, with a labelled grid."""
    width, height, left, right, top, bottom = 360, 200, 50, 12, 10, 36
    thinned = [_thinned(curve) for curve in curves]
    steps = [s for c in thinned for s in c.steps]
    values = [v for c in thinned for v in c.values]
    x_ticks, y_ticks = ticks(min(steps), max(steps), 5), ticks(min(values), max(values))
    x_at = _scale(x_ticks[0], x_ticks[-1], left, width - right)
    y_at = _scale(y_ticks[0], y_ticks[-1], height - bottom, top)
    grid = [
        joined(
            [
                _line(left, y_at(y), width - right, y_at(y), "axis"),
                _text(number(y), left - 8, y_at(y) + 4, anchor="end"),
            ]
        )
        for y in y_ticks
    ]
    marks = [
        _text(number(x), x_at(x), height - bottom + 17, anchor="middle")
        for x in x_ticks
    ]
    lines = [
        tag(
            "polyline",
            class_=_look(i),
            points=" ".join(
                f"{x_at(s):.1f},{y_at(v):.1f}"
                for s, v in zip(curve.steps, curve.values, strict=True)
            ),
        )
        for i, curve in enumerate(thinned)
    ]
    under = _text("step", width - right, height - 2, anchor="end")
    return _svg(width, height, [*grid, *marks, under, *lines])


def line_key(i: int) -> Markup:
    """What the `i`-th curve of a chart looks like, for a legend."""
    return tag("svg", _line(0, 5, 22, 5, _look(i)), viewBox="0 0 22 10", class_="key")


def scatter_chart(points: Sequence[Point], under: str) -> Markup:
    """Points with their labels over a labelled grid; `under` names the x axis."""
    width, height, left, right, top, bottom = 360, 220, 50, 40, 14, 36
    x_ticks = ticks(min(p.x for p in points), max(p.x for p in points), 5)
    y_ticks = ticks(min(p.y for p in points), max(p.y for p in points))
    x_at = _scale(x_ticks[0], x_ticks[-1], left, width - right)
    y_at = _scale(y_ticks[0], y_ticks[-1], height - bottom, top)
    parts = []
    for y in y_ticks:
        parts.append(_line(left, y_at(y), width - right, y_at(y), "axis"))
        parts.append(_text(number(y), left - 8, y_at(y) + 4, anchor="end"))
    for x in x_ticks:
        place = height - bottom + 17
        parts.append(_text(number(x), x_at(x), place, anchor="middle"))
    parts.append(_text(under, width - right, height - 2, anchor="end"))
    for point in points:
        x, y = x_at(point.x), y_at(point.y)
        parts.append(tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=4, class_="dot"))
        # No label runs out of the chart.
        aside, anchor = (-7, "end") if x > 0.8 * width else (7, None)
        parts.append(_text(point.label, x + aside, y - 6, "ink", anchor))
    return _svg(width, height, parts)


def bar_chart(bars: Sequence[Bar]) -> Markup:
    """Horizontal bars from zero, each with its text at its end."""
    width, row, left, room = 340, 30, 112, 74
    most = max(max(b.value, b.tick or 0.0) for b in bars) or 1.0
    x_at = _scale(0.0, most, left, width - room)
    parts = []
    for i, bar in enumerate(bars):
        y = i * row
        parts += [
            _text(_shortened(bar.label, 16), left - 10, y + 19, "ink", anchor="end"),
            tag(
                "rect",
                x=left,
                y=y + 6,
                width=f"{x_at(bar.value) - left:.1f}",
                height=row - 12,
                rx=3,
                class_=f"bar-{bar.kind}",
            ),
        ]
        if bar.tick is not None:
            x = x_at(bar.tick)
            parts.append(_line(x_at(bar.value), y + row / 2, x, y + row / 2, "zero"))
            parts.append(_line(x, y + 9, x, y + row - 9, "zero"))
        end = x_at(max(bar.value, bar.tick or 0.0)) + 8
        parts.append(_text(bar.text, end, y + 19, "ink"))
    return _svg(width, row * len(bars), parts)


def range_chart(ranges: Sequence[Range], unit: str) -> Markup:
    """Differences with intervals around a line at zero, one row each."""
    width, row, left, right = 460, 25, 104, 66
    low, high = min(r.low for r in ranges), max(r.high for r in ranges)
    x_ticks = ticks(min(low, 0.0), max(high, 0.0), 5)
    x_at = _scale(x_ticks[0], x_ticks[-1], left, width - right)
    bottom = row * len(ranges) + 4
    parts = []
    for x in x_ticks:
        kind = "zero" if x == 0 else "axis"
        parts.append(_line(x_at(x), 0, x_at(x), bottom, kind))
        label = signed(x, 0 if x_ticks[1] - x_ticks[0] >= 1 else 1)
        parts.append(_text(label, x_at(x), bottom + 16, anchor="middle"))
    for i, entry in enumerate(ranges):
        parts += _range_row(entry, i * row + 14, left, width, x_at)
    parts.append(_text(unit, width, bottom + 16, anchor="end"))
    return _svg(width, bottom + 22, parts)


def ticks(low: float, high: float, at_most: int = 6) -> list[float]:
    """Round values that cover a range, at least two.

    The step is 1, 2 or 5 times a power of ten.
    """
    span = (high - low) or abs(high) or 1.0
    rough = span / max(at_most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return [round(i * step, 12) for i in range(first, last + 1)]


def number(value: float) -> str:
    """A tick label: short, with k and M for thousands and millions."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (abs(value) >= size and value % (size / 2) == 0):
            return f"{value / size:.4g}{letter}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def signed(value: float, digits: int = 1) -> str:
    """With a sign, a real minus and no negative zero."""
    text = f"{value:+.{digits}f}"
    if float(text) == 0.0:
        return text[1:]
    return text.replace("-", "−")


def _range_row(
    entry: Range, y: float, left: float, width: float, x_at: _Scale
) -> list[Markup]:
    kind = "strong" if entry.strong else "ink"
    centre = x_at(entry.value)
    return [
        _text(entry.label, left - 12, y + 4, kind, anchor="end"),
        _line(x_at(entry.low), y, x_at(entry.high), y, f"range {entry.verdict}"),
        tag(
            "circle",
            cx=f"{centre:.1f}",
            cy=y,
            r=5 if entry.strong else 3.6,
            class_=f"point {entry.verdict}",
        ),
        _text(signed(entry.value), width, y + 4, kind, anchor="end"),
    ]


@dataclasses.dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def _scale(low: float, high: float, start: float, end: float) -> _Scale:
    return _Scale(low, high, start, end)


def _thinned(curve: Curve) -> Curve:
    run = math.ceil(len(curve.steps) / _MAX_POINTS)
    if run <= 1:
        return curve
    starts = range(0, len(curve.steps), run)
    steps = [curve.steps[i : i + run] for i in starts]
    values = [curve.values[i : i + run] for i in starts]
    return Curve(
        curve.label,
        [sum(s) / len(s) for s in steps],
        [sum(v) / len(v) for v in values],
    )


def _look(i: int) -> str:
    """Colours first; where they come again the line is broken otherwise."""
    dash = i // _NUM_COLOURS % _NUM_DASHES
    return f"curve k{i % _NUM_COLOURS} d{dash}"


def _shortened(label: str, length: int) -> str:
    return label if len(label) <= length else label[: length - 1] + "…"


def _svg(width: float, height: float, parts: Sequence[Markup]) -> Markup:
    return tag("svg", *parts, viewBox=f"0 0 {width} {height}", role="img")


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag(
        "line",
        x1=f"{x1:.1f}",
        y1=f"{y1:.1f}",
        x2=f"{x2:.1f}",
        y2=f"{y2:.1f}",
        class_=kind,
    )


def _text(
    text: str, x: float, y: float, kind: str | None = None, anchor: str | None = None
) -> Markup:
    at = {"x": f"{x:.1f}", "y": f"{y:.1f}"}
    return tag("text", text, class_=kind, text_anchor=anchor, **at)
