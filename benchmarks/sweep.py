"""One setting of a scorer's training varied, each value with several seeds.

    python benchmarks/sweep.py --config FILE:VARIANT --workdir RUN \
        --vary tmkd.student.soft.ratio 0.5 0.7 0.9 [--seeds 1 2 3] [--part dev] \
        [--json OUT] [--config.KEY=VALUE ...]

Teachers and caches are those of the run in the folder, made where they are missing:
what may be varied is what the student hears and how (`tmkd.student...`), and how many
of the teachers are asked (`tmkd.crowd.num_teachers`). Differences are from the first
value. It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import re
from pathlib import Path

import mistakes
from compared import Compared, line

from epik_jax import host
from epik_jax.evaluation import report
from epik_jax.evaluation.timing import device_name
from epik_jax.recipes import run
from epik_jax.recipes.provenance import commit, typed_command
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring.corpus import read_pair_corpus
from epik_jax.recipes.scoring.run import TmkdRun
from epik_jax.recipes.scoring.scoreboard import Scored
from epik_jax.recipes.scoring.tmkd import (
    gather_material,
    train_students,
    wants_general,
)

FORMAT = "epik-sweep-1"


def main() -> None:
    """Trains and scores all values, prints a table and writes the figures."""
    logging.getLogger().handlers.clear()  # Or each line would come twice.
    host.set_logging()
    host.set_allocator()
    options, overrides = _options()
    key, *values = options.vary
    scored = {}
    for value in values:
        varied = [*overrides, f"{key}={value}"]
        given = (options.config, varied, options.workdir)
        with run.begun(*given, recorded=False) as (_, built, at):
            if not isinstance(built, TmkdRun):
                raise ValueError(f"--config: {options.config} is no tmkd recipe")
            name = re.sub(r"[^\w.-]+", "-", f"{key.rpartition('.')[2]}-{value}")
            runs = _scored(built, options, f"swept-{name}", at)
            scored[f"{key}={value}"] = runs
    rows = Compared.of(options.config, scored).rows([next(iter(scored))])
    print("\n".join(map(line, rows)))
    if options.json:
        made = {
            "format": FORMAT,
            "command": _command(options, overrides),
            "commit": commit(),
            "device": device_name(),
            "part": options.part,
            "seeds": options.seeds,
            "rows": rows,
        }
        report.write_report(options.json, made)


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--vary", nargs="+", metavar="KEY VALUE", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--part", choices=("dev", "test"), default="dev")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options, rest = parser.parse_known_args()
    if odd := [word for word in rest if not word.startswith("--config.")]:
        parser.error(f"unknown: {' '.join(odd)}")
    for name in ("vary", "seeds"):
        if len(set(given := getattr(options, name))) < len(given):
            parser.error(f"--{name} has one twice")
        if len(given) < 2:
            parser.error(f"--{name} {given}: there is nothing to compare")
    mistakes.demand_unspoilt(options.json)
    return options, [word.removeprefix("--config.") for word in rest]


def _command(options: argparse.Namespace, overrides: list[str]) -> str:
    """As one would type it; folders of this machine are left out."""
    given = typed_command("python benchmarks/sweep.py", options.config, overrides)
    words = ["--vary", *options.vary, "--seeds", *map(str, options.seeds)]
    return " ".join([given, *words, "--part", options.part])


def _scored(
    built: TmkdRun, options: argparse.Namespace, prefix: str, at: Workplace
) -> list[Scored]:
    """Students of all seeds, on the lists that were asked for."""
    student, right = built.tmkd.student, built.data.answer
    with at.stop:
        corpus = read_pair_corpus(built.data)
        lists = corpus.test if options.part == "test" else corpus.dev
        if not lists:
            raise ValueError(
                f"config.data: there is nothing of split {options.part!r} to score"
            )
        general = wants_general(student)
        shown = (built.tmkd, corpus, built.data, at)
        material = gather_material(*shown, general=general)
        found = []
        for seed in options.seeds:
            one = dataclasses.replace(student, seed=seed)
            taught = train_students(one, material, at, prefix=f"{prefix}-{seed}")
            networks = [x.student for x in taught.values()]
            found.append(Scored.of(networks, lists, right))
    return found


if __name__ == "__main__":
    mistakes.told(main)
