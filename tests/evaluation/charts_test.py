import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epik_jax.evaluation import charts
from epik_jax.evaluation.charts import Bar, Curve, Point, Range


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_cover_the_range_in_equal_round_steps(low, span):
    found = charts.ticks(low, low + span)
    steps = [b - a for a, b in itertools.pairwise(found)]
    assert found[0] <= low + 1e-6 * span
    assert found[-1] >= low + span - 1e-6 * span
    assert 2 <= len(found) <= 8
    # A span may be a billionth of the numbers: little of a step is exact then.
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-5)
    assert f"{steps[0]:.2e}"[0] in "125"


def test_ticks_of_a_single_value_span_it():
    assert charts.ticks(3.0, 3.0)[0] <= 3.0 < charts.ticks(3.0, 3.0)[-1]
    assert len(charts.ticks(0.0, 0.0)) >= 2


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1500.0, "1.5k"), (20000.0, "20k"), (2e6, "2M"), (-0.25, "−0.25")],
)
def test_tick_labels_are_short(value, text):
    assert charts.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.24, "+1.2"), (-1.26, "−1.3"), (-0.01, "0.0"), (0.0, "0.0")]
)
def test_signs_are_written_but_not_before_zero(value, text):
    assert charts.signed(value) == text


def points(svg):
    return [
        [tuple(map(float, p.split(","))) for p in line.split()]
        for line in re.findall(r'points="([^"]*)"', svg)
    ]


def test_curve_rises_where_its_values_rise():
    (line,) = points(charts.line_chart([Curve("a", [0, 10, 20], [1.0, 2.0, 4.0])]))
    xs, ys = zip(*line, strict=True)
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.11)
    assert ys[0] > ys[1]  # SVG counts downwards.
    assert 2 * (ys[0] - ys[1]) == pytest.approx(ys[1] - ys[2], abs=0.3)


def test_long_curves_are_averaged_run_by_run():
    steps = list(range(10_000))
    alternating = Curve("a", steps, [s % 2 for s in steps])
    ends = Curve("b", [0, 9_999], [0.0, 1.0])
    line, ((_, bottom), (_, top)) = points(charts.line_chart([alternating, ends]))
    assert 200 < len(line) <= 240
    assert {y for _, y in line} == {(top + bottom) / 2}


def test_bars_are_as_long_as_their_values():
    bars = [Bar("a", 2.0, "subject", "2"), Bar("b", 1.0, "chain", "1", tick=3.0)]
    widths = re.findall(r'width="([0-9.]+)" height="18"', charts.bar_chart(bars))
    assert float(widths[0]) == pytest.approx(2 * float(widths[1]), abs=0.2)


def test_interval_off_zero_stays_on_its_side_of_the_zero_line():
    ranges = [Range("a", 2.0, 1.0, 3.0, "better"), Range("b", -1.0, -4.0, 2.0, "")]
    svg = charts.range_chart(ranges, "points")
    zero = float(re.search(r'x1="([0-9.]+)"[^>]*class="zero"', svg)[1])
    starts = re.findall(r'x1="([0-9.]+)"[^>]*class="range', svg)
    assert float(starts[0]) > zero > float(starts[1])


def looks(num_curves):
    curves = [Curve(str(i), [0, 1], [0.0, i]) for i in range(num_curves)]
    return re.findall(r'class="(curve [^"]*)"', charts.line_chart(curves))


def test_no_two_of_fifteen_curves_look_alike():
    assert len(set(looks(15))) == 15


def test_legend_shows_a_curve_as_the_chart_does():
    keys = [
        re.search(r'class="(curve [^"]*)"', charts.line_key(i))[1] for i in range(7)
    ]
    assert keys == looks(7)


def test_label_at_the_right_edge_stands_left_of_its_point():
    svg = charts.scatter_chart([Point("near", 0, 1), Point("far", 80, 2)], "size")
    anchors = dict(re.findall(r'class="ink"( text-anchor="end")?[^>]*>(\w+)<', svg))
    assert anchors == {"": "near", ' text-anchor="end"': "far"}
