"""Ways to distil a crowd of scorers, each with several seeds, beside the crowd itself.

    python benchmarks/presets.py --config FILE:VARIANT --workdir RUN \
        [--presets TMKD TKD MKD m-on-m 1avg-on-1 1-on-1 none] [--seeds 1 2 3 4 5] \
        [--part test] [--json OUT] [--config.KEY=VALUE ...]

Teachers and cache are those of the run in the folder, made where they are missing.
Differences are from the first preset, over questions and seeds. It goes on where it was
stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mistakes

from epik_jax import host
from epik_jax.bounds import LARGEST_SEED
from epik_jax.evaluation import bootstrap, report
from epik_jax.evaluation.timing import device_name
from epik_jax.recipes import run
from epik_jax.recipes.provenance import commit, typed_command
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring import scoreboard
from epik_jax.recipes.scoring.corpus import read_pair_corpus
from epik_jax.recipes.scoring.labels import main_metric
from epik_jax.recipes.scoring.presets import PRESETS
from epik_jax.recipes.scoring.run import TmkdRun
from epik_jax.recipes.scoring.scoreboard import CROWD, Scored
from epik_jax.recipes.scoring.tmkd import (
    Material,
    gather_material,
    train_students,
    wants_general,
)
from epik_jax.teachers.scoring import ScoringNetwork

FORMAT = "epik-presets-1"


def main() -> None:
    """Trains and scores all of them, prints a table and writes the figures."""
    logging.getLogger().handlers.clear()  # Or each line would come twice.
    host.set_logging()
    host.set_allocator()
    options, overrides = _options()
    given = (options.config, overrides, options.workdir)
    with run.begun(*given, recorded=False) as (_, built, at):
        if not isinstance(built, TmkdRun):
            raise ValueError(f"--config: {options.config} is no tmkd recipe")
        made = _measured(built, options, at)
    for row in (*made["teachers"], *made["rows"]):
        print(_line(row))
    if options.json:
        about = {
            "format": FORMAT,
            "command": _command(options, overrides),
            "commit": commit(),
            "device": device_name(),
            "part": options.part,
            "seeds": options.seeds,
        }
        report.write_report(options.json, {**about, **made})


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument(
        "--presets", nargs="+", choices=PRESETS, default=[*PRESETS][::-1]
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options, rest = parser.parse_known_args()
    if odd := [word for word in rest if not word.startswith("--config.")]:
        parser.error(f"unknown: {' '.join(odd)}")
    for name in ("presets", "seeds"):
        if len(set(given := getattr(options, name))) < len(given):
            parser.error(f"--{name} has one twice")
    if not all(0 <= seed <= LARGEST_SEED for seed in options.seeds):
        parser.error(f"--seeds are not all from 0 to {LARGEST_SEED}")
    mistakes.demand_unspoilt(options.json)
    return options, [word.removeprefix("--config.") for word in rest]


def _command(options: argparse.Namespace, overrides: list[str]) -> str:
    """As one would type it; folders of this machine are left out."""
    given = typed_command("python benchmarks/presets.py", options.config, overrides)
    words = ["--presets", *options.presets, "--seeds", *map(str, options.seeds)]
    return " ".join([given, *words, "--part", options.part])


def _measured(
    built: TmkdRun, options: argparse.Namespace, at: Workplace
) -> dict[str, Any]:
    recipe, right = built.tmkd, built.data.answer
    students = {
        name: [
            dataclasses.replace(recipe.student, preset=name, seed=seed)
            for seed in options.seeds
        ]
        for name in options.presets
    }
    with at.stop:
        corpus = read_pair_corpus(built.data)
        lists = corpus.test if options.part == "test" else corpus.dev
        if not lists:
            raise ValueError(
                f"config.data: there is nothing of split {options.part!r} to score"
            )
        general = any(wants_general(one) for some in students.values() for one in some)
        material = gather_material(recipe, corpus, built.data, at, general=general)
        networks = {
            name: [
                [
                    taught.student
                    for taught in train_students(
                        one, material, at, prefix=f"compared-{name}-{one.seed}"
                    ).values()
                ]
                for one in some
            ]
            for name, some in students.items()
        }
    scored = {
        name: [Scored.of(one, lists, right) for one in some]
        for name, some in networks.items()
    }
    crowd = _crowd(material)
    systems = {**crowd, **{name: some[0] for name, some in networks.items()}}
    times = scoreboard.latencies(systems, built.scoreboard.latency)
    first = scored[options.presets[0]]
    metric = main_metric(right)
    about = {name: _about(name, some, times) for name, some in systems.items()}
    return {
        "metric": metric,
        "n": {name: len(pairs) for name, pairs in lists.items()},
        "general": corpus.general_counts if general else {},
        "latency": {k: times[k] for k in ("device", "length", "runs", "matmul_dtype")},
        "teachers": [
            {**about[name], "mean": figures[metric]["value"], "figures": figures}
            for name, some in crowd.items()
            for figures in [Scored.of(some, lists, right).figures()["overall"]]
        ],
        "rows": [
            {**about[name], **_row(some, first, metric)}
            for name, some in scored.items()
        ],
    }


def _crowd(material: Material) -> dict[str, list[ScoringNetwork]]:
    """Each teacher alone, and all of them."""
    alone = {member.name: [member.network] for member in material.members}
    return {**alone, CROWD: [member.network for member in material.members]}


def _about(
    name: str, networks: Sequence[ScoringNetwork], times: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "system": name,
        "parameters": scoreboard.facts(networks)["parameters"],
        "per_second": {
            size: one["per_second"] for size, one in times["systems"][name].items()
        },
    }


def _row(
    runs: Sequence[Scored], first: Sequence[Scored], metric: str
) -> dict[str, Any]:
    names = runs[0].lists[metric]
    each = [bootstrap.macro_value(one.ratios[metric], names) for one in runs]
    row: dict[str, Any] = {
        "each": each,
        "mean": statistics.mean(each),
        "sd": statistics.stdev(each) if len(each) > 1 else 0.0,
        "figures": {
            name: statistics.mean(
                bootstrap.macro_value(one.ratios[name], one.lists[name]) for one in runs
            )
            for name in runs[0].ratios
        },
    }
    if runs is not first and len(runs) > 1:
        theirs, ours = ([x.ratios[metric] for x in some] for some in (first, runs))
        found = bootstrap.seeds_interval(ours, theirs, names, num_resamples=1000)
        row["difference"] = found.figure()
        row["verdict"] = found.verdict(higher_is_better=True)
    return row


def _line(row: Mapping[str, Any]) -> str:
    spread = f" ± {100 * row['sd']:.2f}" if "sd" in row else ""
    text = f"{row['system']:10} {100 * row['mean']:6.2f}{spread}"
    if "difference" in row:
        value, low, high = (
            100 * row["difference"][k] for k in ("value", "low", "high")
        )
        text += f"   {value:+.2f} [{low:+.2f}, {high:+.2f}] {row['verdict']}"
    return text


if __name__ == "__main__":
    mistakes.told(main)
