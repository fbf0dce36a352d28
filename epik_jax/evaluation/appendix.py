"""The later sections of the report page: time, similarity, attention, curves, terms.

A report goes in, `Markup` comes out, empty where the report has nothing to say.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from epik_jax.evaluation import charts, glossary, tables
from epik_jax.evaluation.charts import Bar, Curve
from epik_jax.evaluation.markup import Markup, joined, note, section, tag

_FIRST_CURVES = ("loss", "cost", "cer", "top1", "soft_kl", "hard_ce")
_LAST_CURVES = (
    "learning_rate",
    "examples_per_second",
    "gradient_norm",
    "skipped_updates",
)
_NUM_OPEN_CURVES = 6


def times(report: Mapping[str, Any]) -> Markup:
    """Wall times per batch size: bars of the median, and the table behind them."""
    timing = report.get("timing")
    if timing is None:
        return Markup("")
    text = (
        f"On {timing['device']}: {timing['repeats']} passes over fixed words, from "
        "text to text. Compilation is left out, host work and every pass of a chain "
        "are in; the systems took turns on the same batches. Bars show the median time "
        "of one batch, ticks the 95th percentile. The table says how many of the words "
        "were timed at a batch size."
    )
    roles = _roles(report)
    num_sizes = len(next(iter(timing["systems"].values())))
    cards = [_time_card(timing["systems"], i, roles) for i in range(num_sizes)]
    grid = tag("div", *cards, class_="grid")
    return section("Time", note(text), grid, _time_table(timing))


def similarity(report: Mapping[str, Any]) -> Markup:
    """How near the student's encoder states are to the teacher's."""
    found = report["similarities"]
    if not found:
        return Markup("")
    heads = ("Vectors", "Matched", "Mismatched", "Centred", "Retrieval", "Pairs")
    head = tag(
        "tr", *(tag("th", h, class_="num" if h != "Vectors" else None) for h in heads)
    )
    rows = [_similarity_row(name, entry) for name, entry in found.items()]
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    terms = report["definitions"]
    named = [name for name in found if f"similarity {name}" in terms]
    text = " ".join(
        f"{name[0].upper()}{name[1:]}: {terms[f'similarity {name}']}"
        for name in ("matched", "mismatched", "centred", "retrieval", *named)
    )
    wide = tag("div", table, class_="wide")
    return section("Encoder similarity", note(text), wide)


def attention(report: Mapping[str, Any]) -> Markup:
    """Where the decoder looked, as text over shaded cells."""
    if not report["attention"]:
        return Markup("")
    cards = [
        tag(
            "div",
            tag("div", _attention_table(entry), class_="wide"),
            class_="card",
        )
        for entry in report["attention"]
    ]
    text = (
        "How much of the attention of each written symbol lies on each source symbol, "
        "in percent; less than 5 is left blank. It shows where the model looked, not "
        "why it chose."
    )
    return section("Attention", note(text), tag("div", *cards, class_="grid"))


def curves(report: Mapping[str, Any]) -> Markup:
    """One chart per logged metric, the most telling ones first, the rest folded."""
    drawn = {
        name: lines
        for name, lines in report["curves"].items()
        if any(len(line["steps"]) > 1 for line in lines)
    }
    if not drawn:
        return Markup("")
    order = sorted(drawn, key=_curve_rank)
    stages = list(dict.fromkeys(line["stage"] for n in order for line in drawn[n]))
    cards = [_curve_card(name, drawn[name], stages) for name in order]
    legend = tag(
        "div",
        *(tag("span", charts.line_key(i), stage) for i, stage in enumerate(stages)),
        class_="legend",
    )
    parts = [legend, tag("div", *cards[:_NUM_OPEN_CURVES], class_="grid")]
    if folded := cards[_NUM_OPEN_CURVES:]:
        title = tag("summary", f"{len(folded)} more")
        parts.append(tag("details", title, tag("div", *folded, class_="grid")))
    text = "From the metric log, over optimizer steps; one line per stage."
    return section("Learning curves", note(text), *parts)


def definitions(report: Mapping[str, Any]) -> Markup:
    """What each figure means, and the signature that it was made under."""
    shown = {m for s in report["systems"] for m in s["overall"]}
    terms = [
        joined([tag("dt", glossary.named(name).heading), tag("dd", text)])
        for name, text in report["definitions"].items()
        if name in shown
    ]
    lines = list(
        dict.fromkeys(
            line for s in report["systems"] for line in s["signatures"].values()
        )
    )
    items = [tag("li", tag("span", line, class_="sig")) for line in lines]
    text = "Two figures compare only where their signatures agree in all but “decode”."
    return section(
        "Definitions and signatures",
        tag("dl", *terms, class_="terms"),
        note(text),
        tag(
            "details",
            tag("summary", f"{len(items)} signatures"),
            tag("ul", *items, class_="sigs"),
        ),
    )


def _roles(report: Mapping[str, Any]) -> dict[str, str]:
    roles = {s["name"]: s["role"] for s in report["systems"]}
    drawn = {n: r if r == "chain" else "other" for n, r in roles.items()}
    return {**drawn, report["systems"][0]["name"]: "subject"}


def _time_card(
    systems: Mapping[str, Sequence[Mapping[str, Any]]],
    index: int,
    roles: Mapping[str, str],
) -> Markup:
    bars = [
        Bar(
            name,
            entries[index]["p50_ms"],
            roles.get(name, "other"),
            f"{entries[index]['p50_ms']:.3g} ms",
            entries[index]["p95_ms"],
        )
        for name, entries in systems.items()
    ]
    size = next(iter(systems.values()))[index]["batch_size"]
    title = "One word at a time" if size == 1 else f"Batches of {size} words"
    return tag("div", tag("h3", title), charts.bar_chart(bars), class_="card")


def _time_table(timing: Mapping[str, Any]) -> Markup:
    heads = ("Batch size", "Words", "Mean ms", "p50 ms", "p95 ms", "Words per second")
    numbers = [tag("th", h, class_="num") for h in (*heads, "Time saved %")]
    rows = []
    chain = timing.get("reduced", {}).get("second")
    for name, entries in timing["systems"].items():
        others = timing["systems"].get(chain, entries)
        for entry, other in zip(entries, others, strict=True):
            saved = 100.0 * (1.0 - entry["mean_ms"] / other["mean_ms"])
            cells = [
                str(entry["batch_size"]),
                # Absent from older reports.
                f"{entry['num_words']:,}" if "num_words" in entry else "–",
                *(f"{entry[k]:.2f}" for k in ("mean_ms", "p50_ms", "p95_ms")),
                f"{entry['words_per_second']:,.0f}",
                "" if chain in (None, name) else charts.signed(saved),
            ]
            drawn = [tag("td", c, class_="num") for c in cells]
            rows.append(tag("tr", tag("td", name), *drawn))
    head = tag("thead", tag("tr", tag("th", "System"), *numbers))
    return tag("div", tag("table", head, tag("tbody", *rows)), class_="wide")


def _similarity_row(name: str, entry: Mapping[str, Any]) -> Markup:
    figures = [f"{entry[k]:.3f}" for k in ("matched", "mismatched", "centred")]
    found = entry["retrieval"]
    pool = entry["num_candidates"]
    figures.append("–" if found is None else f"{100 * found:.1f} % of {pool}")
    figures.append(f"{entry['num_vectors']:,}")
    return tag("tr", tag("td", name), *(tag("td", f, class_="num") for f in figures))


def _attention_table(attention: Mapping[str, Any]) -> Markup:
    """One attention map: written symbols down, source symbols across."""
    heads = [
        tag("th", _visible(s), lang=attention["source_lang"])
        for s in attention["source_symbols"]
    ]
    rows = [
        tag(
            "tr",
            tag("th", _visible(symbol), lang=attention["target_lang"]),
            *(_attention_cell(float(w)) for w in weights),
        )
        for symbol, weights in zip(
            attention["target_symbols"], attention["weights"], strict=True
        )
    ]
    pair = f"{attention['source_lang']}>{attention['target_lang']}"
    caption = tag(
        "caption", f"{tables.pair_label(pair)}: source across, written text down"
    )
    head = tag("tr", tag("th", ""), *heads)
    return tag("table", caption, head, *rows, class_="heat attention")


def _attention_cell(weight: float) -> Markup:
    alpha = 0.04 + 0.75 * min(max(weight, 0.0), 1.0)
    text = f"{100 * weight:.0f}" if weight >= 0.05 else ""
    kind = "v strong" if weight >= 0.3 else "v"
    return tag("td", text, class_=kind, style=f"--a:{alpha:.2f}")


def _visible(symbol: str) -> str:
    """A mark that cannot stand alone gets a circle to sit on."""
    is_mark = bool(symbol) and unicodedata.category(symbol[0]).startswith("M")
    return f"◌{symbol}" if is_mark else symbol


def _curve_rank(name: str) -> tuple[int, str]:
    last = name.rpartition("/")[2]
    if last in _FIRST_CURVES:
        return _FIRST_CURVES.index(last), name
    return len(_FIRST_CURVES) + (last in _LAST_CURVES), name


def _curve_card(
    name: str, lines: Sequence[Mapping[str, Any]], stages: Sequence[str]
) -> Markup:
    by_stage = {line["stage"]: line for line in lines}
    # A stage keeps its colour in every chart, so absent stages leave a gap.
    drawn = [
        Curve(stage, by_stage[stage]["steps"], by_stage[stage]["values"])
        if stage in by_stage
        else Curve(stage, (), ())
        for stage in stages
    ]
    return tag("div", tag("h3", name), charts.line_chart(drawn), class_="card")
