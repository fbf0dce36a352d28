"""What a terminal shows of an examination of words, or of a run's report.

What `examination` and a run's report hold goes in, aligned text comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from epik_jax.recipes.figures import definitions, figures_table


def examination_table(made: Mapping[str, Any]) -> str:
    """The result for a terminal: one line per group, then what the columns mean."""
    groups = {"all": made["overall"]}
    if "direct" in made:
        groups["without English"] = made["direct"]
    rows = [
        (name, group["n"], group)
        for name, group in (
            *groups.items(),
            *made["by_pair"].items(),
            *made["by_source"].items(),
        )
    ]
    system = made["system"]
    table = figures_table(f"{system['name']}, {system['decode']}", rows)
    means = f"{' and '.join(groups)}: unweighted means over language pairs"
    whole = 'in full: "definitions" in what --json writes'
    return "\n".join([table, "", definitions(rows), means, whole])


def closing_table(report: Mapping[str, Any]) -> str:
    """The systems of a run's report, the time saved, and what the figures mean."""
    n = report["data"]["n"]
    rows = [
        (f"{s['name']} ({s['decode']})", n, s["overall"]) for s in report["systems"]
    ]
    text = figures_table("system", rows)
    notes = [definitions(rows), "all figures: unweighted means over language pairs"]
    timing = report.get("timing", {})
    if "reduction_percent" in timing:
        saved = ", ".join(
            f"{percent:.1f} % at batch size {size}"
            for size, percent in timing["reduction_percent"].items()
        )
        pair = timing["reduced"]
        text += f"\ntime saved by {pair['first']} against {pair['second']}: {saved}"
        notes.append("time saved: of the mean wall time of a batch, from text to text")
    notes.append('in full: "definitions" in report.json')
    return "\n".join([text, "", *notes])
