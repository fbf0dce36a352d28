"""The report of a scoring run, as JSON and as a page.

What was trained goes in with the settings of the run; `scoreboard` measures it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from epik_jax.evaluation import pairs_page
from epik_jax.evaluation.report import curves
from epik_jax.recipes.figures import definitions, figures_table
from epik_jax.recipes.latency import LatencyConfig
from epik_jax.recipes.provenance import commit, trained_seconds
from epik_jax.recipes.published import publish_report
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring import scoreboard
from epik_jax.recipes.scoring.crowd_config import CROWD, STUDENT
from epik_jax.recipes.scoring.digests import pairs_digest
from epik_jax.recipes.scoring.labels import question_counts
from epik_jax.recipes.scoring.samples import samples
from epik_jax.recipes.scoring.scoreboard import NUM_RESAMPLES, Scored
from epik_jax.recipes.scoring.teaching import Taught
from epik_jax.recipes.scoring.tmkd import Material, TmkdConfig

FORMAT = pairs_page.FORMAT


@dataclasses.dataclass(frozen=True)
class PairScoreboardConfig:
    """What is measured.

    Attributes:
      latency: how passes are timed.
    """

    latency: LatencyConfig = dataclasses.field(
        default_factory=lambda: LatencyConfig(length=128)
    )


def build_report(
    config: TmkdConfig,
    measured: PairScoreboardConfig,
    material: Material,
    students: Mapping[str, Taught],
    at: Workplace,
    command: str,
) -> dict[str, Any]:
    """Teachers, crowd and student on the test lists, in the layout `FORMAT`."""
    data, corpus = material.data, material.corpus
    lists, right = corpus.test, data.answer
    networks = {m.name: [m.network] for m in material.members}
    if len(networks) > 1:
        networks[CROWD] = [m.network for m in material.members]
    teachers = [*networks]
    networks[STUDENT] = [one.student for one in students.values()]
    found = {name: Scored.of(some, lists, right) for name, some in networks.items()}
    times = scoreboard.latencies(networks, measured.latency)
    rows = [row for row in at.log.rows() if row["stage"].startswith(("teach", "stud"))]
    student = found[STUDENT]
    return {
        "format": FORMAT,
        "title": "TMKD: a crowd of scorers in one small scorer",
        "run": {
            "command": command,
            "commit": commit(),
            "seed": config.student.seed,
            "preset": config.student.preset,
            "minutes of training": round(trained_seconds(rows) / 60, 1),
        },
        "data": {
            "name": f"test lists@{pairs_digest(lists)[:8]}",
            "n": sum(len(pairs) for pairs in lists.values()),
            "labels": list(data.classes),
            "counts": corpus.counts,
            "questions": {
                name: question_counts(pairs, right)
                for name, pairs in lists.items()
                if right
            },
            "cut": {
                name: float(networks[STUDENT][0].encoded(pairs).cut.mean())
                for name, pairs in lists.items()
            },
            "general": material.heard(config.student),
        },
        "metric": student.main,
        "resampling": {"num_resamples": NUM_RESAMPLES, "seed": 0, "level": 0.95},
        "systems": [
            {"name": name, **scoreboard.facts(networks[name]), **scored.figures()}
            for name, scored in found.items()
        ],
        "dev": dict(material.figures),
        "differences": {
            name: scoreboard.difference(student, found[name]) for name in teachers
        },
        "latency": times,
        "speedup": {
            name: {
                size: one["per_second"] / times["systems"][name][size]["per_second"]
                for size, one in times["systems"][STUDENT].items()
            }
            for name in teachers
        },
        "samples": samples(
            lists, {x: found[x].said for x in (STUDENT, teachers[-1])}, data.classes
        ),
        "curves": curves(rows),
        "definitions": {m.name: m.definition for m in student.metrics},
    }


def written(report: dict[str, Any], at: Workplace) -> dict[str, Any]:
    """The same report, after it was written into the run's folder."""
    publish_report(report, pairs_page.render(report), at.folder)
    return report


def summary(report: Mapping[str, Any]) -> str:
    """What a terminal shows of a report."""
    n = report["data"]["n"]
    rows = [
        (f"{s['name']} ({s['parameters']:,} parameters)", n, s["overall"])
        for s in report["systems"]
    ]
    lines = [
        figures_table("system", rows),
        *(
            f"{ratio:.1f} times the pairs a second of {slow} at batch size {size}"
            for slow, ratios in report["speedup"].items()
            for size, ratio in ratios.items()
        ),
        "",
        definitions(rows, "questions"),
    ]
    return "\n".join(lines)
