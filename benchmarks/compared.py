"""Systems side by side, some of them with several seeds, on one task or on several.

Scores go in; rows with means and differences come out. Nothing is trained here.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from epik_jax.evaluation import bootstrap
from epik_jax.evaluation.resampling import Ratio
from epik_jax.recipes.scoring.corpus import PairCorpus
from epik_jax.recipes.scoring.scoreboard import Scored, joined
from epik_jax.structs import TextPair

NUM_RESAMPLES = 1000


@dataclasses.dataclass(frozen=True)
class Compared:
    """Columns of systems by the metric that a task is judged by.

    Attributes:
      name: of the task.
      runs: system -> columns of its runs, one a seed; of one that is given, one.
      strata: name of the list of each row; every list counts alike.
      figures: system -> metric -> mean over lists and runs.
    """

    name: str
    runs: Mapping[str, Sequence[Ratio]]
    strata: np.ndarray
    figures: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, name: str, scored: Mapping[str, Sequence[Scored]]) -> Compared:
        """What systems come to on a task."""
        first = next(iter(scored.values()))[0]
        figures = {
            system: {
                metric: statistics.mean(
                    bootstrap.macro_value(one.ratios[metric], one.lists[metric])
                    for one in some
                )
                for metric, ratio in some[0].ratios.items()
                if len(ratio.numerators)
            }
            for system, some in scored.items()
        }
        runs = {x: [one.ratios[first.main] for one in scored[x]] for x in scored}
        return cls(name, runs, first.lists[first.main], figures)

    def rows(self, against: Sequence[str]) -> list[dict[str, Any]]:
        """A row a system: runs, mean, deviation, differences from some others."""
        return [self._row(system, against) for system in self.runs]

    def _row(self, system: str, against: Sequence[str]) -> dict[str, Any]:
        mine = self.runs[system]
        each = [bootstrap.macro_value(one, self.strata) for one in mine]
        row: dict[str, Any] = {
            "system": system,
            "each": each,
            "mean": statistics.mean(each),
            "sd": statistics.stdev(each) if len(each) > 1 else None,
            "figures": self.figures.get(system, {}),
            "differences": {},
        }
        for other in against:
            if other != system and len(mine) > 1:
                found = bootstrap.seeds_interval(
                    *(mine, self.runs[other], self.strata), num_resamples=NUM_RESAMPLES
                )
                verdict = found.verdict(higher_is_better=True)
                row["differences"][other] = {**found.figure(), "verdict": verdict}
        return row


def together(name: str, tasks: Sequence[Compared]) -> Compared:
    """Systems that stand in all tasks, every list of all of them counting alike.

    The runs of one place go together: those of one seed.
    """
    systems = [x for x in tasks[0].runs if all(x in task.runs for task in tasks)]
    runs = {
        system: [
            joined(parts)
            for parts in zip(*(t.runs[system] for t in tasks), strict=True)
        ]
        for system in systems
    }
    strata = [f"{task.name}/{x}" for task in tasks for x in task.strata.tolist()]
    return Compared(name, runs, np.array(strata), {})


def lists_of(corpus: PairCorpus, part: str) -> dict[str, list[TextPair]]:
    """The lists of "dev" or "test"; raises ValueError where there are none."""
    lists = corpus.test if part == "test" else corpus.dev
    if not lists:
        raise ValueError(f"config.data: there is nothing of split {part!r} to score")
    return lists


def line(row: Mapping[str, Any]) -> str:
    """A row for a terminal."""
    spread = "" if row["sd"] is None else f" ± {100 * row['sd']:.2f}"
    parts = [f"{row['system']:14} {100 * row['mean']:6.2f}{spread}"]
    for other, found in row["differences"].items():
        value, low, high = (100 * found[k] for k in ("value", "low", "high"))
        told = f"{value:+.2f} [{low:+.2f}, {high:+.2f}] {found['verdict']}"
        parts.append(f"from {other}: {told}")
    return "   ".join(parts)
