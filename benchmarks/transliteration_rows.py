"""Rows of the tables about transliteration in RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cells import percent, read, row

from epik_jax.evaluation.tables import LANGUAGE_NAMES
from epik_jax.text.scripts import INDIC_LANGUAGES

COLUMNS = ("top1", "cer", "sound_class", "phonetic")
HALF = "student of half the size"
WAYS = ("sequence", "faithful")
BESIDE = ("chain", "student", "table builtin", "table icu", "aksharamukha, options")


def lines() -> Iterator[str]:
    """Rows of every table about transliteration."""
    student, peers = (read(f"epik/{name}.json") for name in ("student", "peers"))
    yield from teacher_rows()
    yield from choosing_rows(read("epik/choosing.json"))
    yield from system_rows(student, peers, read("epik/baseline.json"))
    yield from pair_rows(student, peers)
    yield from source_rows(student)
    yield from unseen_rows(student)
    yield from timing_rows(student)
    yield from half_rows(read("epik/half.json"), read("epik/half.timing.json"))
    for way in WAYS:
        yield way_row(way, read(f"epik/{way}.json"))


def teacher_rows() -> Iterator[str]:
    """MATra on the test lists."""
    for name in ("dakshina", "aksharantar"):
        for lang in INDIC_LANGUAGES:
            pairs = read(f"matra/{name}.{lang}.json")["by_pair"]
            cells = [
                cell
                for pair in (f"en>{lang}", f"{lang}>en")
                for cell in (
                    f"{pairs[pair]['n']:,}",
                    percent(pairs[pair]["top1"]),
                    percent(pairs[pair]["cer"]),
                )
            ]
            yield row(name.capitalize(), LANGUAGE_NAMES[lang], *cells)


def choosing_rows(report: Mapping[str, Any]) -> Iterator[str]:
    """What a table's advice is worth, on names for choosing."""
    for system in report["systems"]:
        figures = (percent(system["overall"][metric]) for metric in ("top1", "cer"))
        yield row(system["name"], *figures)


def system_rows(*reports: Mapping[str, Any]) -> Iterator[str]:
    """Every system on the direct names, each once."""
    for name, system in _systems(*reports).items():
        if name != "model":  # The student by another name.
            figures = (percent(system["overall"][metric]) for metric in COLUMNS)
            yield row(name, *figures)


def pair_rows(*reports: Mapping[str, Any]) -> Iterator[str]:
    """Top-1 and CER of what stands beside each other, by language pair."""
    systems = _systems(*reports)
    for pair, student in systems["student"]["pairs"].items():
        if "en" not in pair.split(">"):
            figures = (both(systems[name]["pairs"][pair]) for name in BESIDE)
            yield row(pair.replace(">", " → "), f"{student['n']:,}", *figures)


def source_rows(report: Mapping[str, Any]) -> Iterator[str]:
    """Top-1 and CER of student and chain, by list of names."""
    student, chain = (_systems(report)[name]["sources"] for name in BESIDE[1::-1])
    for name, figures in student.items():
        label = f"{name} (apart)" if figures["apart"] else name
        yield row(label, f"{figures['n']:,}", both(chain[name]), both(figures))


def unseen_rows(report: Mapping[str, Any]) -> Iterator[str]:
    """How near the student is to what the greedy chain writes."""
    for name, figures in report["against_chain"]["unseen"].items():
        yield row(
            name,
            f"{figures['n']:,}",
            percent(figures["top1"]),
            percent(figures["cer"]),
        )


def timing_rows(
    report: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Mean milliseconds of a batch, and what is saved against the chain.

    Args:
      report: with times.
      names: a system's name in the report -> in the table, where they differ.
    """
    timing = report["timing"]["systems"]
    for name, sizes in timing.items():
        cells = []
        for mine, chain in zip(sizes, timing["chain"], strict=True):
            saved = 100 * (1 - mine["mean_ms"] / chain["mean_ms"])
            took = f"{mine['mean_ms']:.1f} ms"
            cells.append(took if name == "chain" else f"{took}, {saved:.1f} % less")
        yield row((names or {}).get(name, name), *cells)


def half_rows(scored: Mapping[str, Any], timed: Mapping[str, Any]) -> Iterator[str]:
    """The student of half the size: its answers, and its times beside the others'."""
    yield row(HALF, *(percent(scored["direct"][metric]) for metric in COLUMNS))
    yield from timing_rows(timed, {"student": HALF, "whole student": "student"})


def way_row(way: str, report: Mapping[str, Any]) -> str:
    """A student taught in another way: its answers, and how near it is to its teachers.

    Its distance to the chain's words is the mean over the test lists.
    """
    student = _systems(report)["student"]["overall"]
    against = next(c for c in report["comparisons"] if c["second"] == "chain")
    pooled = report["similarities"]["pooled"]
    lists = report["against_chain"]["unseen"].values()
    return row(
        f"`{way}`",
        *(percent(student[metric]) for metric in ("top1", "cer")),
        *(percent(against["difference"][metric]) for metric in ("top1", "cer")),
        f"{100 * sum(_plain(one['cer']) for one in lists) / len(lists):.1f}",
        *(f"{pooled[kind]:.3f}" for kind in ("matched", "mismatched", "centred")),
    )


def both(figures: Mapping[str, Any]) -> str:
    """Top-1 and CER in percent."""
    return " / ".join(f"{100 * _plain(figures[m]):.1f}" for m in ("top1", "cer"))


def _plain(figure: Any) -> float:
    return float(figure["value"] if isinstance(figure, Mapping) else figure)


def _systems(*reports: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for report in reports:
        for system in report["systems"]:
            found.setdefault(system["name"], system)
    return found
