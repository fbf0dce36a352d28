"""One setting of a scorer's training varied, each value with several seeds.

    python benchmarks/sweep.py --config FILE:VARIANT --workdir RUN \
        --vary tmkd.student.soft.ratio 0.5 0.7 0.9 [--seeds 1 2 3] [--part dev] \
        [--json OUT] [--config.KEY=VALUE ...]

Teachers and caches are those of the run in the folder, made where they are missing:
what may be varied is what the student hears and how (`tmkd.student...`), and how many
of the teachers are asked (`tmkd.crowd.num_teachers`). Students of the value that the
configuration has anyway are those of `presets.py` in that folder. Differences are from
the first value. It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mistakes
import seeded
from compared import Compared, line, lists_of

from epik_jax.recipes import run
from epik_jax.recipes.provenance import typed_command
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring.corpus import read_pair_corpus
from epik_jax.recipes.scoring.run import TmkdRun
from epik_jax.recipes.scoring.scoreboard import Scored
from epik_jax.recipes.scoring.student_config import PairStudentConfig
from epik_jax.recipes.scoring.tmkd import (
    gather_material,
    train_students,
    wants_general,
)

FORMAT = "epik-sweep-1"


def main() -> None:
    """Trains and scores all values, prints a table and writes the figures."""
    seeded.set_up()
    options, overrides = _options()
    key, *values = options.vary
    varied = {value: [*overrides, f"{key}={value}"] for value in values}
    plain = run.configured(options.config, overrides)[1]
    _demand_comparable(
        key, [run.configured(options.config, some)[1] for some in varied.values()]
    )
    scored = {}
    for value, some in varied.items():
        given = (options.config, some, options.workdir)
        with run.begun(*given, recorded=False) as (_, built, at):
            beside = "" if built == plain else _beside(key, value)
            scored[f"{key}={value}"] = _scored(built, options, beside, at)
    rows = Compared.of(options.config, scored).rows([next(iter(scored))])
    print("\n".join(map(line, rows)))
    seeded.keep(options, FORMAT, _command(options, overrides), {"rows": rows})


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--vary", nargs="+", metavar="KEY VALUE", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--part", choices=("dev", "test"), default="dev")
    options, overrides = seeded.parsed(parser, ("vary", "seeds"))
    for name, least in (("vary", 3), ("seeds", 2)):
        if len(given := getattr(options, name)) < least:
            parser.error(f"--{name} {given}: there is nothing to compare")
    return options, overrides


def _demand_comparable(key: str, runs: Sequence[Any]) -> None:
    """Refuses values that differ in more than students, or in nothing."""
    if not all(isinstance(one, TmkdRun) for one in runs):
        raise ValueError("--config is of no tmkd recipe")
    student = runs[0].tmkd.student
    if any(_rest(one, student) != _rest(runs[0], student) for one in runs):
        raise ValueError(
            f"--vary {key}: it is no setting of the student, nor "
            "tmkd.crowd.num_teachers; each value would need teachers of its own"
        )
    told = [
        (dataclasses.replace(x.tmkd.student, seed=0), x.tmkd.crowd.num_teachers)
        for x in runs
    ]
    if any(told.count(one) > 1 for one in told):
        raise ValueError(f"--vary {key}: two of its values come to the same students")


def _rest(one: TmkdRun, student: PairStudentConfig) -> TmkdRun:
    """All but the student, and how many teachers it hears."""
    crowd = dataclasses.replace(one.tmkd.crowd, num_teachers=0)
    tmkd = dataclasses.replace(one.tmkd, crowd=crowd, student=student)
    return dataclasses.replace(one, tmkd=tmkd)


def _beside(key: str, value: str) -> str:
    """A setting as part of a stage's name."""
    name = f"{key.removeprefix('tmkd.').removeprefix('student.')}-{value}"
    return re.sub(r"[^\w.-]+", "-", name)


def _command(options: argparse.Namespace, overrides: list[str]) -> str:
    """As one would type it; folders of this machine are left out."""
    given = typed_command("python benchmarks/sweep.py", options.config, overrides)
    words = ["--vary", *options.vary, "--seeds", *map(str, options.seeds)]
    return " ".join([given, *words, "--part", options.part])


def _scored(
    built: TmkdRun, options: argparse.Namespace, beside: str, at: Workplace
) -> list[Scored]:
    """Students of all seeds, on the lists that were asked for."""
    student, right = built.tmkd.student, built.data.answer
    with at.stop:
        corpus = read_pair_corpus(built.data)
        lists = lists_of(corpus, options.part)
        general = wants_general(student)
        shown = (built.tmkd, corpus, built.data, at)
        material = gather_material(*shown, general=general)
        found = []
        for seed in options.seeds:
            one = dataclasses.replace(student, seed=seed)
            prefix = seeded.stages_of(one.preset, seed, beside)
            taught = train_students(one, material, at, prefix=prefix)
            networks = [x.student for x in taught.values()]
            found.append(Scored.of(networks, lists, right))
    return found


if __name__ == "__main__":
    mistakes.told(main)
