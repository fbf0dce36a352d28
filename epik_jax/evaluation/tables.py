"""Tables of the report page: systems, pair matrices, words side by side.

Parts of a report go in, `Markup` comes out. Percentages are rounded here and nowhere
before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from epik_jax.evaluation import glossary
from epik_jax.evaluation.charts import signed
from epik_jax.evaluation.markup import Markup, joined, tag
from epik_jax.text.scripts import LANGUAGES

LANGUAGE_NAMES = {
    "en": "English",
    "hi": "Hindi",
    "ta": "Tamil",
    "kn": "Kannada",
    "bn": "Bengali",
}

_HEADLINE = (
    *("cer", "top1", "top3", "top5", "sound_class", "phonetic"),
    "feature_distance",
)
_NUM_OPEN_ROWS = 12  # One row of each Indic pair: the lists take turns.
_MOST_HEAT = 0.62  # More would leave the figure unreadable on its own background.


def percent(value: float) -> str:
    """A fraction of one as percent, one decimal."""
    return f"{100 * value:.1f}"


def points(difference: float) -> str:
    """A difference of fractions in percentage points, signed.

    Two decimals where one would round to nothing: an interval that just misses zero
    must not look as if it touched it.
    """
    value = 100 * difference
    return signed(value, 2 if 0.005 <= abs(value) < 0.05 else 1)


def pair_label(pair: str) -> str:
    """A language pair, such as "hi>ta", with an arrow."""
    return pair.replace(">", " → ")


def chip(verdict: str) -> Markup:
    """A verdict in a coloured capsule."""
    return tag("span", verdict, class_=f"chip {verdict}")


def systems_table(report: Mapping[str, Any]) -> Markup:
    """One row per system, one column per metric; the lesser metrics folded away."""
    present = [m for m in report["definitions"] if _is_scored(report, m)]
    first = [m for m in present if m in _HEADLINE]
    rest = [m for m in present if m not in _HEADLINE]
    parts = [_systems_columns(report, first)]
    if rest:
        names = ", ".join(glossary.named(m).heading for m in rest)
        parts.append(_folded(f"More figures: {names}", _systems_columns(report, rest)))
    return joined(parts)


def _is_scored(report: Mapping[str, Any], metric: str) -> bool:
    return any(metric in system["overall"] for system in report["systems"])


def _systems_columns(report: Mapping[str, Any], columns: Sequence[str]) -> Markup:
    systems = report["systems"]
    head = [tag("th", "System"), tag("th", "Parameters", class_="num")]
    head += [
        tag(
            "th",
            f"{glossary.named(m).heading} %",
            class_="num",
            title=report["definitions"][m],
        )
        for m in columns
    ]
    differences = {c["second"]: c["difference"] for c in report["comparisons"]}
    rows = [
        _system_row(system, i == 0, columns, differences.get(system["name"], {}))
        for i, system in enumerate(systems)
    ]
    return _table(head, rows)


def heat_matrices(system: Mapping[str, Any]) -> Markup:
    """Error rate and top-1 of one system, source language by target language."""
    return tag(
        "div",
        *(_heat_table(system["pairs"], metric) for metric in ("cer", "top1")),
        class_="matrices",
    )


def word_table(rows: Sequence[Mapping[str, Any]], systems: Sequence[str]) -> Markup:
    """Words side by side: source, accepted answers, pivot, one column per system.

    The first rows stand open, the rest are folded.
    """
    has_pivot = any(row["pivot"] or row["gold_pivot"] for row in rows)
    heads = ["Pair", "Source", "Accepted"]
    heads += ["English pivot"] if has_pivot else []
    head = [tag("th", text) for text in (*heads, *systems)]
    drawn = [_word_row(row, systems, has_pivot) for row in rows]
    shown, rest = drawn[:_NUM_OPEN_ROWS], drawn[_NUM_OPEN_ROWS:]
    parts = [_table(head, shown)]
    if rest:
        parts.append(_folded(f"{len(rest)} more words", _table(head, rest)))
    return joined(parts)


def _system_row(
    system: Mapping[str, Any],
    is_subject: bool,
    columns: Sequence[str],
    differences: Mapping[str, Any],
) -> Markup:
    size = system["num_parameters"]
    note = ", ".join(filter(None, (system["note"], system["decode"])))
    cells = [
        tag(
            "td",
            dot(system["role"], is_subject),
            system["name"],
            tag("small", note),
            class_="system",
        ),
        tag("td", f"{size / 1e6:.2f} M" if size else "–", class_="num"),
    ]
    for metric in columns:
        cells.append(_figure_cell(system, metric, differences.get(metric)))
    return tag("tr", *cells, class_="subject" if is_subject else None)


def _figure_cell(
    system: Mapping[str, Any], metric: str, difference: Mapping[str, Any] | None
) -> Markup:
    figure = system["overall"].get(metric)
    if figure is None:
        return tag("td", "–", class_="num")
    spread = tag("small", f"{percent(figure['low'])} – {percent(figure['high'])}")
    parts: list[str] = [percent(figure["value"]), spread]
    if "references" in figure:
        parts.append(tag("small", f"accepted: {percent(figure['references'])}"))
    if difference is not None:
        kind = {"better": "right", "worse": "wrong"}.get(difference["verdict"])
        text = points(difference["value"])
        parts.append(tag("small", tag("span", text, class_=kind)))
    return tag("td", *parts, class_="num", title=system["signatures"][metric])


def dot(role: str, is_subject: bool) -> Markup:
    """The coloured square that stands for a system throughout the page."""
    kind = "subject" if is_subject else role
    return tag("span", class_=f"dot {kind}")


def _heat_table(pairs: Mapping[str, Any], metric: str) -> Markup:
    term = glossary.named(metric)
    worth = "worse" if term.lower_is_better else "better"
    used = [lang for lang in LANGUAGES if any(lang in p.split(">") for p in pairs)]
    values = [figures[metric] for figures in pairs.values()]
    low, high = min(values), max(values)
    rows = []
    for source in used:
        cells = [tag("th", source, title=LANGUAGE_NAMES[source])]
        for target in used:
            cells.append(_heat_cell(pairs.get(f"{source}>{target}"), metric, low, high))
        rows.append(tag("tr", *cells))
    heads = [tag("th", lang, title=LANGUAGE_NAMES[lang]) for lang in used]
    corner = tag("th", "↓→", title="from the row's language to the column's")
    return tag(
        "table",
        tag("caption", f"{term.heading} %, stronger is {worth}"),
        tag("tr", corner, *heads),
        *rows,
        class_=f"heat heat-{metric}",
    )


def _heat_cell(
    figures: Mapping[str, Any] | None, metric: str, low: float, high: float
) -> Markup:
    if figures is None:
        return tag("td", "", class_="none")
    share = (figures[metric] - low) / ((high - low) or 1.0)
    return tag(
        "td",
        percent(figures[metric]),
        class_="v",
        style=f"--a:{0.08 + share * (_MOST_HEAT - 0.08):.2f}",
        title=f"{figures['n']} words",
    )


def _word_row(
    row: Mapping[str, Any], systems: Sequence[str], has_pivot: bool
) -> Markup:
    pair = f"{row['source_lang']}>{row['target_lang']}"
    target = row["target_lang"]
    cells = [
        tag("td", pair_label(pair), class_="pair"),
        tag("td", row["source"], class_="word", lang=row["source_lang"]),
        tag("td", _alternatives(row["gold"]), class_="word several", lang=target),
    ]
    if has_pivot:
        cells.append(_pivot_cell(row["pivot"], row["gold_pivot"]))
    cells += [_answer_cell(row["answers"][name], target) for name in systems]
    return tag("tr", *cells)


def _alternatives(texts: Sequence[str]) -> Markup:
    """Accepted spellings; a line may break between them, not inside one."""
    drawn = [tag("span", text, class_="whole") for text in texts]
    return joined([part for one in drawn for part in (" / ", one)][1:])


def _pivot_cell(pivot: str, gold: str) -> Markup:
    if not pivot:
        return tag("td", gold or "–", class_="pivot")
    differs = gold and gold != pivot
    under = tag("small", f"gold: {gold}") if differs else ""
    return tag("td", pivot, under, class_="pivot")


def _answer_cell(answer: Mapping[str, Any], lang: str) -> Markup:
    kind = "right" if answer["right"] else "wrong"
    mark = "✓" if answer["right"] else f"✗ {answer['edits']}"
    text = (
        tag("span", answer["text"], class_="w", lang=lang)
        if answer["text"]
        else tag("span", "no answer", class_="w missing")
    )
    return tag(
        "td",
        text,
        tag("span", mark, class_=f"mark {kind}"),
        class_=f"word {kind}",
    )


def _folded(title: str, content: Markup) -> Markup:
    return tag("details", tag("summary", title), content)


def _table(head: Sequence[Markup], rows: Sequence[Markup]) -> Markup:
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", joined(rows)))
    return tag("div", table, class_="wide")
