"""The report of a tagging run as one HTML file that needs nothing but itself.

A dict of figures goes in, a page comes out: headline, lists, size and time, sentences,
curves, definitions. It computes nothing beyond rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from epik_jax.evaluation import appendix, charts, glossary
from epik_jax.evaluation.figure_tables import figure_cell, named_table
from epik_jax.evaluation.markup import Markup, joined, note, section, tag
from epik_jax.evaluation.page import document, facts, tile
from epik_jax.evaluation.tables import percent

FORMAT = "epik-tagging-report-2"


def render(report: Mapping[str, Any]) -> str:
    """The page as text; all that the report holds is escaped.

    Raises:
      ValueError: the report has another layout than this code knows.
    """
    sections = (_languages, _lists, _types, _times, _sweep, _samples)
    return document(report, FORMAT, (_header, *sections, appendix.curves, _definitions))


def _header(report: Mapping[str, Any]) -> Markup:
    teacher, student = report["systems"]
    data, metric = report["data"], report["metric"]
    title = glossary.named(metric).title
    speedup = report["latency"]["speedup"][teacher["name"]][student["name"]]
    size, ratio = next(iter(speedup.items()))
    tiles = [
        tile(
            f"{glossary.named(metric).heading} of the student",
            f"{percent(student['overall'][metric]['value'])} %",
            tag("span", f"teacher {percent(teacher['overall'][metric]['value'])} %"),
        ),
        *_kept_tile(report, title),
        tile(
            "Parameters",
            f"{report['compression']:.1f}× fewer",
            tag("span", f"{student['parameters']:,} of {teacher['parameters']:,}"),
        ),
        tile(
            "Latency",
            f"{ratio:.1f}× lower",
            tag("span", f"a pass at batch size {size}"),
        ),
    ]
    about = f"Scored on {data['n']:,} sentences of “{data['name']}”, {report['mode']}."
    return joined(
        [
            tag("h1", report["title"]),
            tag("p", about),
            tag("div", *tiles, class_="tiles"),
            facts({**report["run"], **_states(report)}),
        ]
    )


def _states(report: Mapping[str, Any]) -> dict[str, str]:
    """How the teacher's states were kept, where any were."""
    if not (kept := report.get("signals")):
        return {}
    text = kept["storage"]
    if "rounding_error" in kept:
        text += f", {percent(kept['rounding_error'])} % off"
    return {"states of the teacher": text}


def _kept_tile(report: Mapping[str, Any], title: str) -> list[Markup]:
    if (kept := report.get("kept")) is None:
        return []
    span = tag("span", f"[{percent(kept['low'])}, {percent(kept['high'])}]")
    return [tile(f"{title} kept", f"{percent(kept['value'])} %", span)]


def _languages(report: Mapping[str, Any]) -> Markup:
    """The main figure in each language, and what is kept of it."""
    rows = _rows(report, "by_language", report["kept_by_language"])
    systems, metric = report["systems"], report["metric"]
    means = [figure_cell(system["overall"][metric]) for system in systems]
    kept = figure_cell(report["kept"]) if "kept" in report else "–"
    rows.append(["mean", "", "", *means, kept])
    spread = [percent(system["sd"]) for system in systems]
    rows.append(["standard deviation", "", "", *spread, ""])
    text = (
        "Every language counts alike in the mean, all its lists taken together. In "
        "brackets the 95 % interval of a bootstrap over sentences."
    )
    table = named_table(_head(report, "Language"), rows)
    return section("Languages", note(text), table)


def _lists(report: Mapping[str, Any]) -> Markup:
    """The main figure of each list, where some language has several."""
    if len(report["systems"][0]["by_list"]) == len(report["systems"][0]["by_language"]):
        return Markup("")
    rows = [row[:-1] for row in _rows(report, "by_list", {})]
    return section("Lists", named_table(_head(report, "List")[:-1], rows))


def _head(report: Mapping[str, Any], first: str) -> list[str]:
    title = glossary.named(report["metric"]).title
    systems = [f"Teacher {title} %", f"Student {title} %"]
    return [first, "Sentences", "Entities", *systems, "Kept %"]


def _rows(
    report: Mapping[str, Any], part: str, kept: Mapping[str, Any]
) -> list[list[str]]:
    """A row for each name of which both systems have the main figure."""
    teacher, student = (system[part] for system in report["systems"])
    metric, rows = report["metric"], []
    for name, theirs in teacher.items():
        ours = student[name]
        if metric in theirs and metric in ours:
            share = figure_cell(kept[name]) if name in kept else "–"
            counts = [f"{theirs[key]:,}" for key in ("n", "entities")]
            both = [figure_cell(theirs[metric]), figure_cell(ours[metric])]
            rows.append([name, *counts, *both, share])
    return rows


def _types(report: Mapping[str, Any]) -> Markup:
    teacher, student = report["systems"]
    shown = [glossary.named(name) for name in report["definitions"]]
    head = ["Type", "System", *(f"{metric.heading} %" for metric in shown)]
    rows = []
    for kind in teacher["by_type"]:
        for system in (teacher, student):
            found = system["by_type"].get(kind, {})
            cells = (
                figure_cell(found[m.name]) if m.name in found else "–" for m in shown
            )
            rows.append([kind, system["name"], *cells])
    return section("By type", named_table(head, rows))


def _times(report: Mapping[str, Any]) -> Markup:
    """Milliseconds of a pass, and how many times as fast students are."""
    latency = report["latency"]
    speedup = latency["speedup"]
    head = ["System", "Batch size", "Mean ms", "p50 ms", "p95 ms"]
    head += [f"Times as fast as {slow}" for slow in speedup]
    rows = []
    for name, sizes in latency["systems"].items():
        for size, found in sizes.items():
            ratios = [ratios.get(name, {}).get(size) for ratios in speedup.values()]
            figures = [f"{found[k]:.2f}" for k in ("mean_ms", "p50_ms", "p95_ms")]
            told = [f"{ratio:.1f}" if ratio else "–" for ratio in ratios]
            rows.append([name, size, *figures, *told])
    text = (
        f"Passes over full batches of {latency['length']} pieces, from ids to logits, "
        f"warm, {latency['runs']} each, in turns, in {latency['matmul_dtype']}, on "
        f"{latency['device']}. Ratios are of means."
    )
    return section("Time", note(text), named_table(head, rows))


def _sweep(report: Mapping[str, Any]) -> Markup:
    """Compression and speed against F1 of students of several sizes."""
    sizes = [one for one in report["sweep"] if "dev" in one]
    if not sizes:
        return Markup("")
    latency, title = report["latency"], glossary.named(report["metric"]).title
    teacher = report["systems"][0]["name"]
    first = next(iter(latency["systems"][teacher]))
    faster = [latency["speedup"][teacher][one["name"]][first] for one in sizes]
    head = ["Size", "Steps", "Parameters", "Times fewer", "Times as fast"]
    head.append(f"Dev {title} %")
    rows = [
        [
            one["name"],
            f"{one['steps']:,}",
            f"{one['parameters']:,}",
            f"{one['compression']:.1f}",
            f"{ratio:.1f}",
            figure_cell(one["dev"]),
        ]
        for one, ratio in zip(sizes, faster, strict=True)
    ]
    plots = [
        tag(
            "div",
            tag("h3", f"{title} % against times {word}"),
            charts.scatter_chart(
                [
                    charts.Point(one["name"], x, 100 * one["dev"]["value"])
                    for one, x in zip(sizes, values, strict=True)
                ],
                f"times {word}",
            ),
            class_="card",
        )
        for word, values in (
            ("fewer parameters", [one["compression"] for one in sizes]),
            ("as fast", faster),
        )
    ]
    text = (
        "Students of several sizes, on dev sentences by which none was chosen; speed "
        f"at batch size {first}. E is the width of the embedding, H the units of each "
        "direction. All had the same number of steps."
    )
    return section(
        "Sizes", note(text), tag("div", *plots, class_="grid"), named_table(head, rows)
    )


def _samples(report: Mapping[str, Any]) -> Markup:
    """Sentences in which somebody differs from people."""
    if not report["samples"]:
        return Markup("")
    rows = []
    for sample in report["samples"]:
        said = {"people": sample["gold"], **sample["answers"]}
        lines = [
            joined(
                [tag("small", f"{who}: ", class_="who"), _marked(sample["words"], tags)]
            )
            for who, tags in said.items()
        ]
        parts = [tag("div", line, lang=sample["lang"]) for line in lines]
        rows.append([sample["list"], joined(parts)])
    text = (
        "The first short sentence of each list in which teacher or student differs "
        "from people."
    )
    return section("Sentences", note(text), named_table(["List", "Sentence"], rows))


def _marked(words: Sequence[str], tags: Sequence[str]) -> Markup:
    """Words with each entity set off and its type behind it, or with their label."""
    if len(tags) != len(words):
        return joined([" ".join(words), tag("small", tags[0], class_="type")])
    parts: list[Markup] = []
    for place, (word, label) in enumerate(zip(words, tags, strict=True)):
        inside = label != "O"
        ends = inside and (place + 1 == len(tags) or tags[place + 1][:1] != "I")
        text = tag("span", word, class_="w entity") if inside else joined([word])
        parts.append(text)
        if ends:
            parts.append(tag("small", label[2:], class_="type"))
        parts.append(joined([" "]))
    return joined(parts)


def _definitions(report: Mapping[str, Any]) -> Markup:
    terms = [
        joined([tag("dt", glossary.ALL_METRICS[name].heading), tag("dd", text)])
        for name, text in report["definitions"].items()
    ]
    return section("Definitions", tag("dl", *terms, class_="terms"))
