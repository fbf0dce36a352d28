"""Tables of figures with their intervals, for pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from epik_jax.evaluation.markup import Markup, joined, tag
from epik_jax.evaluation.tables import percent


def figure_cell(found: Mapping[str, float]) -> Markup:
    """A figure over its interval."""
    low, high = percent(found["low"]), percent(found["high"])
    return joined([percent(found["value"]), tag("small", f"[{low}, {high}]")])


def named_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1
) -> Markup:
    """A table whose first columns, as many as `names`, say what its rows are."""
    figures = len(head) - names
    kinds = [""] * names + ["num"] * figures if len(head) > 2 else ["pair", ""]
    cells = [
        tag(
            "tr",
            *(tag("td", c, class_=k or None) for c, k in zip(row, kinds, strict=True)),
        )
        for row in rows
    ]
    titles = (
        tag("th", title, class_=kind or None)
        for title, kind in zip(head, kinds, strict=True)
    )
    table = tag("table", tag("thead", tag("tr", *titles)), tag("tbody", *cells))
    return tag("div", table, class_="wide")
