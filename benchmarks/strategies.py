"""Strategies of XtremeDistil under one budget, each with several seeds.

    python benchmarks/strategies.py --config FILE:VARIANT --workdir RUN \
        [--strategies D4.2 D0-S D1 D2] [--seeds 1 2 3] [--part test] [--json OUT] \
        [--config.KEY=VALUE ...]

Teacher and cache are those of the run in the folder, made where they are missing. Every
student has the steps of `xtremedistil.student.loop.num_steps`, however its strategy
shares them out. Differences are from the first strategy, over the sentences of all its
seeds together. It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mistakes
import numpy as np

from epik_jax import host
from epik_jax.evaluation import bootstrap, report
from epik_jax.evaluation.bootstrap import Ratio
from epik_jax.evaluation.timing import device_name
from epik_jax.recipes import run
from epik_jax.recipes.provenance import commit, typed_command
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.tagging.corpus import read_tagged_corpus
from epik_jax.recipes.tagging.run import XtremeDistilRun
from epik_jax.recipes.tagging.scoreboard import Tagged
from epik_jax.recipes.tagging.strategies import STRATEGIES
from epik_jax.recipes.tagging.teaching import gather_material
from epik_jax.recipes.tagging.xtremedistil import ready_teacher, train_students

FORMAT = "epik-strategies-1"


def main() -> None:
    """Trains and scores all of them, prints a table and writes the figures."""
    logging.getLogger().handlers.clear()  # Or each line would come twice.
    host.set_logging()
    host.set_allocator()
    options, overrides = _options()
    with run.begun(options.config, overrides, options.workdir) as (_, built, at):
        if not isinstance(built, XtremeDistilRun):
            raise ValueError(f"--config: {options.config} is no xtremedistil recipe")
        rows = _rows(built, options, at)
    made = {
        "format": FORMAT,
        "command": typed_command("run", options.config, overrides),
        "commit": commit(),
        "device": device_name(),
        "part": options.part,
        "steps": built.xtremedistil.student.loop.num_steps,
        "seeds": options.seeds,
        "rows": rows,
    }
    for row in rows:
        print(_line(row))
    if options.json:
        report.write_report(options.json, made)


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    known = [name for name in STRATEGIES if name != "D0"]
    parser.add_argument(
        "--strategies", nargs="+", choices=known, default=["D4.2", "D0-S", "D1", "D2"]
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options, rest = parser.parse_known_args()
    if odd := [word for word in rest if not word.startswith("--config.")]:
        parser.error(f"unknown: {' '.join(odd)}")
    mistakes.demand_unspoilt(options.json)
    return options, [word.removeprefix("--config.") for word in rest]


def _rows(
    built: XtremeDistilRun, options: argparse.Namespace, at: Workplace
) -> list[dict[str, Any]]:
    with at.stop:
        corpus = read_tagged_corpus(built.data)
        recipe = built.xtremedistil
        teacher = ready_teacher(recipe, corpus, built.data, at)
        # Of all that any strategy wants.
        asking = dataclasses.replace(recipe.student, strategy="D2")
        material = gather_material(teacher, corpus, asking, recipe.signals, at)
        found: dict[str, list[Tagged]] = {}
        for strategy in options.strategies:
            for seed in options.seeds:
                student = dataclasses.replace(
                    recipe.student, strategy=strategy, seed=seed
                )
                prefix = f"compared-{strategy}-{seed}"
                trained = train_students(student, material, at, prefix=prefix)
                tagged = Tagged.of(trained, getattr(corpus, options.part))
                found.setdefault(strategy, []).append(tagged)
    first = found[options.strategies[0]]
    return [_row(name, runs, first) for name, runs in found.items()]


def _row(name: str, runs: Sequence[Tagged], first: Sequence[Tagged]) -> dict[str, Any]:
    lists = runs[0].lists
    each = [bootstrap.macro_value(one.main, lists) for one in runs]
    row: dict[str, Any] = {
        "strategy": name,
        "each": each,
        "mean": statistics.mean(each),
        "sd": statistics.stdev(each) if len(each) > 1 else 0.0,
    }
    if runs is not first:
        difference = bootstrap.paired_interval(
            _together(runs), _together(first), lists, num_resamples=1000
        )
        row["difference"] = difference.figure()
        row["verdict"] = difference.verdict(higher_is_better=True)
    return row


def _together(runs: Sequence[Tagged]) -> Ratio:
    """The columns of all seeds, summed sentence by sentence."""
    columns = [one.main for one in runs]
    return Ratio(
        np.sum([c.numerators for c in columns], axis=0),
        np.sum([c.denominators for c in columns], axis=0),
    )


def _line(row: dict[str, Any]) -> str:
    text = f"{row['strategy']:6} {100 * row['mean']:6.2f} ± {100 * row['sd']:.2f}"
    if "difference" in row:
        value, low, high = (
            100 * row["difference"][k] for k in ("value", "low", "high")
        )
        text += f"   {value:+.2f} [{low:+.2f}, {high:+.2f}] {row['verdict']}"
    return text


if __name__ == "__main__":
    mistakes.told(main)
