"""The main sections of the report page: systems, language pairs, words.

A report goes in, `Markup` comes out, empty where the report has nothing to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from epik_jax.evaluation import charts, glossary, tables
from epik_jax.evaluation.charts import Range
from epik_jax.evaluation.markup import Markup, joined, note, section, tag


def systems(report: Mapping[str, Any]) -> Markup:
    """The closing table: every system, every metric."""
    how = report["resampling"]
    subject = report["systems"][0]["name"]
    text = (
        "Every figure is the unweighted mean over language pairs, in percent. Below it "
        f"stands its {how['level']:.0%} interval (percentile bootstrap, "
        f"{how['num_resamples']:,} resamples of whole names, each with all language "
        f"pairs that it is asked in, seed {how['seed']}). "
    )
    if report["comparisons"]:
        text += (
            f"The third line is how far {subject} lies above or below that system, on "
            f"the same words: green where {subject} is better, red where it is worse, "
            "plain where the paired interval touches zero."
        )
    return section("Systems", note(text), tables.systems_table(report))


def pairs(report: Mapping[str, Any]) -> Markup:
    """Matrices of all systems, and where the first one gains on its chain."""
    cards = [
        tag(
            "div",
            tag("h3", tables.dot(system["role"], i == 0), system["name"]),
            tables.heat_matrices(system),
            class_="card",
        )
        for i, system in enumerate(report["systems"])
    ]
    names = ", ".join(f"{k} {v}" for k, v in tables.LANGUAGE_NAMES.items())
    text = "Rows are the source language, columns the target. Shades compare within "
    text += f"one matrix. Point at a cell for its number of words. ({names})"
    parts = [note(text), tag("div", *cards, class_="grid half")]
    return section("Language pairs", *parts, *_difference_cards(report))


def sources(report: Mapping[str, Any]) -> Markup:
    """Every system on the words of each list, most words first."""
    listed = report["systems"][0]["sources"]
    if len(listed) < 2:
        return Markup("")
    heads = [tag("th", "Source"), tag("th", "Words", class_="num")]
    heads += [tag("th", s["name"], class_="num") for s in report["systems"]]
    rows = [
        tag(
            "tr",
            tag("td", name, tag("small", "told apart") if found["apart"] else ""),
            tag("td", f"{found['n']:,}", class_="num"),
            *(_source_cell(s["sources"][name]) for s in report["systems"]),
        )
        for name, found in sorted(listed.items(), key=lambda item: -item[1]["n"])
    ]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows))
    text = "CER % / top-1 %, pooled over language pairs. What is told apart counts in "
    text += "no other figure of this page."
    return section("Sources", note(text), tag("div", table, class_="wide"))


def _source_cell(figures: Mapping[str, float]) -> Markup:
    cer, top1 = tables.percent(figures["cer"]), tables.percent(figures["top1"])
    return tag("td", f"{cer} / {top1}", class_="num")


def _difference_cards(report: Mapping[str, Any]) -> list[Markup]:
    chain = report.get("against_chain")
    if chain is None:
        return []
    found = next(c for c in report["comparisons"] if c["second"] == chain["chain"])
    cards = []
    for metric in ("cer", "top1"):
        term = glossary.named(metric)
        side = "left" if term.lower_is_better else "right"
        title = f"{term.heading}, {found['first']} minus {found['second']}"
        drawn = _difference_chart(found, metric)
        heading = tag("h3", f"{title} ({side} is better)")
        cards.append(tag("div", heading, drawn, class_="card"))
    return [tag("div", *cards, class_="grid half")]


def _difference_chart(found: Mapping[str, Any], metric: str) -> Markup:
    rows = [("all pairs", found["difference"][metric], True)]
    rows += [
        (tables.pair_label(pair), entry[metric], False)
        for pair, entry in found["by_pair"].items()
    ]
    ranges = [
        Range(
            label,
            100 * entry["value"],
            100 * entry["low"],
            100 * entry["high"],
            entry["verdict"],
            strong,
        )
        for label, entry, strong in rows
    ]
    return charts.range_chart(ranges, "points")


def chain(report: Mapping[str, Any]) -> Markup:
    """The first system and its chain, word by word; nothing without a chain."""
    against = report.get("against_chain")
    if against is None:
        return Markup("")
    subject, rival = against["subject"], against["chain"]
    found = next(c for c in report["comparisons"] if c["second"] == rival)
    parts: list[str] = [_shares(found["outcomes"], subject, rival)]
    if against["agreement"]:
        same, far = against["agreement"]["top1"], against["agreement"]["cer"]
        parts.append(
            note(
                f"{subject} writes exactly what {rival} writes for "
                f"{tables.percent(same)} % of the words; its character error rate "
                f"measured to the chain's spelling is {tables.percent(far)} %."
            )
        )
    parts += _gap_note(against) + _unseen_table(against)
    lists = (
        ("only_subject_right", "first_only", f"{subject} right, {rival} wrong"),
        ("only_chain_right", "second_only", f"{rival} right, {subject} wrong"),
    )
    for key, outcome, title in lists:
        rows, total = against[key], found["outcomes"][outcome]
        if rows:
            heading = tag("h3", f"{title}: {len(rows)} of {total:,} words")
            parts += [heading, tables.word_table(rows, (rival, subject))]
    return section(f"{subject} against {rival}, word by word", *parts)


def _gap_note(against: Mapping[str, Any]) -> list[Markup]:
    """How much of what writing English costs the first system has won back."""
    if not against["gap"] or not against["gap"]["closed"]:
        return []
    shares = " and ".join(
        f"{tables.percent(s['value'])} % [{tables.percent(s['low'])}, "
        f"{tables.percent(s['high'])}] in {glossary.named(metric).title}"
        for metric, s in against["gap"]["closed"].items()
    )
    return [
        note(
            f"Of the gap between {against['chain']} and {against['gap']['oracle']}, "
            f"which is what writing English in between costs, {against['subject']} "
            f"closes {shares}."
        )
    ]


def _unseen_table(against: Mapping[str, Any]) -> list[Markup]:
    """Agreement with the chain on words of the kind that was trained on."""
    if not against["unseen"]:
        return []
    head = [tag("th", "Test list"), tag("th", "Words", class_="num")]
    head += [
        tag("th", text, class_="num")
        for text in ("CER to the chain %", "Same as the chain %")
    ]
    rows = [
        tag(
            "tr",
            tag("td", name),
            tag("td", f"{found['n']:,}", class_="num"),
            *(_bounded_cell(found[metric]) for metric in ("cer", "top1")),
        )
        for name, found in against["unseen"].items()
    ]
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows))
    text = f"{against['subject']} measured to the spelling of {against['chain']} on "
    text += "unseen words of the test lists; the other Indic languages take turns."
    return [note(text), tag("div", table, class_="wide")]


def _bounded_cell(figure: Mapping[str, float]) -> Markup:
    low, high = tables.percent(figure["low"]), tables.percent(figure["high"])
    small = tag("small", f"{low} – {high}")
    return tag("td", tables.percent(figure["value"]), small, class_="num")


def _shares(outcomes: Mapping[str, int], subject: str, chain: str) -> Markup:
    total = sum(outcomes.values())
    entries = (
        ("both", "both", "both right"),
        ("first_only", "first", f"only {subject} right"),
        ("second_only", "second", f"only {chain} right"),
        ("neither", "neither", "both wrong"),
    )
    bars, legend = [], []
    for key, kind, label in entries:
        share = outcomes[key] / total
        text = f"{100 * share:.1f} %" if share > 0.05 else ""
        bars.append(
            tag("div", text, class_=f"share-{kind}", style=f"width:{100 * share:.2f}%")
        )
        swatch = tag("span", class_=f"swatch share-{kind}")
        counted = f"{label}: {outcomes[key]:,} ({100 * share:.1f} %)"
        legend.append(tag("span", swatch, counted))
    return joined(
        [tag("div", *bars, class_="shares"), tag("div", *legend, class_="legend")]
    )


def samples(report: Mapping[str, Any]) -> Markup:
    """Words of all systems side by side."""
    names = [s["name"] for s in report["systems"]]
    text = "Drawn at random, pairs taking turns; no word was picked for its answers. "
    text += "✗ comes with the number of edits to the closest accepted spelling."
    return section(
        "Sample words", note(text), tables.word_table(report["samples"], names)
    )
