"""Ways to distil a crowd of scorers, each with several seeds, beside the crowd itself.

    python benchmarks/presets.py --config FILE:VARIANT [FILE:VARIANT ...] \
        --workdir RUN [--presets TMKD TKD MKD m-on-m 1avg-on-1 1-on-1 none] \
        [--seeds 1 2 3 4 5] [--part test] [--even-steps] [--json OUT] \
        [--config.KEY=VALUE ...]

Of several configurations each runs in a folder of its own below RUN, and their means
are compared, too. Teachers and caches are those of the run in the folder, made where
they are missing. Differences are from the first preset, from the crowd and from the
teacher that is best on dev, over questions and seeds. Figures are written after each
configuration; the same command goes on where it was stopped.

Presets with a first stage take more steps than others; with --even-steps those take as
many, all of them on the task.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mistakes
import seeded
from compared import Compared, line, lists_of, together

from epik_jax.recipes import run
from epik_jax.recipes.provenance import (
    last_parts,
    trained_seconds,
    typed_command,
)
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring import scoreboard
from epik_jax.recipes.scoring.corpus import read_pair_corpus
from epik_jax.recipes.scoring.crowd_config import CROWD
from epik_jax.recipes.scoring.digests import pairs_digest
from epik_jax.recipes.scoring.labels import question_counts
from epik_jax.recipes.scoring.presets import PRESETS, Preset
from epik_jax.recipes.scoring.run import TmkdRun
from epik_jax.recipes.scoring.scoreboard import Scored
from epik_jax.recipes.scoring.student_config import PairStudentConfig
from epik_jax.recipes.scoring.tmkd import (
    Material,
    gather_material,
    train_students,
)
from epik_jax.teachers.scoring import ScoringNetwork

FORMAT = "epik-presets-2"
BEST = "best teacher"


def main() -> None:
    """Trains and scores all of them, prints tables and writes the figures."""
    seeded.set_up()
    options, overrides = _options()
    tasks, rows = {}, {}
    for name, config in zip(_names(options.config), options.config, strict=True):
        folder = options.workdir / name if len(options.config) > 1 else options.workdir
        with run.begun(config, overrides, folder, recorded=False) as (_, built, at):
            if not isinstance(built, TmkdRun):
                raise ValueError(f"--config: {config} is no tmkd recipe")
            tasks[name] = _task(built, options, at)
        rows[name] = _told(tasks[name][0], options)
        _keep(tasks, rows, options, overrides)
    if len(tasks) > 1:
        mean = together("mean", [found for found, _ in tasks.values()])
        _keep(tasks, {**rows, "mean": _told(mean, options)}, options, overrides)


def _names(configs: Sequence[str]) -> list[str]:
    """Tasks, or what else tells configurations apart: variant or file."""
    found = []
    for config in configs:
        path, _, variant = config.partition(":")
        found.append(variant.partition("-")[2] or variant or Path(path).stem)
    return found


def _told(found: Compared, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of a task, or of the mean of all; printed, too."""
    rows = found.rows((options.presets[0], CROWD, BEST))
    print("\n".join([found.name, *map(line, rows)]), flush=True)
    return rows


def _keep(
    tasks: Mapping[str, tuple[Compared, dict[str, Any]]],
    rows: Mapping[str, list[dict[str, Any]]],
    options: argparse.Namespace,
    overrides: list[str],
) -> None:
    """Writes what is known so far."""
    made = {"tasks": {name: about for name, (_, about) in tasks.items()}, "rows": rows}
    seeded.keep(options, FORMAT, _command(options, overrides), made)


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", nargs="+", required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument(
        "--presets", nargs="+", choices=PRESETS, default=[*PRESETS][::-1]
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--even-steps", action="store_true")
    options, overrides = seeded.parsed(parser, ("config", "presets", "seeds"))
    if len(set(names := _names(options.config))) < len(names):
        parser.error(f"--config: two of the tasks {names} have one name")
    if len(options.seeds) < 2:
        parser.error("--seeds: the spread of runs cannot be seen in fewer than two")
    return options, overrides


def _command(options: argparse.Namespace, overrides: list[str]) -> str:
    """As one would type it; folders of this machine are left out."""
    program = "python benchmarks/presets.py"
    given = typed_command(program, options.config[0], overrides)
    if len(options.config) > 1:
        named = [_shown(config) for config in options.config]
        one, all_of_them = f"--config={named[0]}", f"--config {' '.join(named)}"
        given = given.replace(one, all_of_them, 1)
    words = ["--presets", *options.presets, "--seeds", *map(str, options.seeds)]
    even = ["--even-steps"] if options.even_steps else []
    return " ".join([given, *words, "--part", options.part, *even])


def _shown(config: str) -> str:
    path, colon, variant = config.partition(":")
    return f"{last_parts(path)}{colon}{variant}"


def _task(
    built: TmkdRun, options: argparse.Namespace, at: Workplace
) -> tuple[Compared, dict[str, Any]]:
    """What is compared on one task, and what the figures are of."""
    students = {
        name: [_student(built, name, seed, options) for seed in options.seeds]
        for name in options.presets
    }
    with at.stop:
        corpus = read_pair_corpus(built.data)
        lists = lists_of(corpus, options.part)
        general = any(one.wants_general for some in students.values() for one in some)
        material = gather_material(built.tmkd, corpus, built.data, at, general=general)
        networks = {
            name: [_trained(one, built, material, at) for one in some]
            for name, some in students.items()
        }
    crowd = {**_crowd(material), BEST: [material.member(material.best).network]}
    right = built.data.answer
    scored = {
        **{name: [Scored.of(some, lists, right)] for name, some in crowd.items()},
        **{
            name: [Scored.of(one, lists, right) for one in some]
            for name, some in networks.items()
        },
    }
    systems = {**crowd, **{name: some[0] for name, some in networks.items()}}
    times = scoreboard.latencies(systems, built.scoreboard.latency)
    name = next(iter(lists)) if len(lists) == 1 else "+".join(lists)
    one = built.tmkd.student
    legs = {"masked": one.masked, "general": one.general, "task": one.task}
    told = {
        "metric": scored[CROWD][0].main,
        "n": {name: len(pairs) for name, pairs in lists.items()},
        "digest": pairs_digest(lists),
        "questions": {x: question_counts(lists[x], right) for x in lists if right},
        "best": material.best,
        "dev": dict(material.figures),
        "general": material.heard(dataclasses.replace(one, preset="TMKD"))
        if general
        else {},
        "steps": {name: leg.loop.num_steps for name, leg in legs.items() if leg},
        "latency": {k: times[k] for k in ("device", "length", "runs", "matmul_dtype")},
        "minutes of training": _minutes(at, students, built),
        "systems": {x: _about(x, some, times) for x, some in systems.items()},
    }
    return Compared.of(name, scored), told


def _minutes(
    at: Workplace,
    students: Mapping[str, Sequence[PairStudentConfig]],
    built: TmkdRun,
) -> float:
    """Of training teachers, and the students that were asked for."""
    asked = itertools.chain.from_iterable(students.values())
    stages = ("masked", "teacher", *(f"{_stages(one, built)}-" for one in asked))
    rows = [row for row in at.log.rows() if row["stage"].startswith(stages)]
    return round(trained_seconds(rows) / 60, 1)


def _student(
    built: TmkdRun, preset: Preset, seed: int, options: argparse.Namespace
) -> PairStudentConfig:
    """Whom it hears and from which seed, with the steps that it takes."""
    plain = built.tmkd.student
    one = dataclasses.replace(plain, preset=preset, seed=seed)
    if not options.even_steps:
        return one
    if not plain.general:
        raise ValueError("--even-steps: tmkd.student.general is no first stage")
    if one.plan.general:
        return one
    steps = plain.general.loop.num_steps + one.task.loop.num_steps
    loop = dataclasses.replace(one.task.loop, num_steps=steps)
    return dataclasses.replace(one, task=dataclasses.replace(one.task, loop=loop))


def _stages(student: PairStudentConfig, built: TmkdRun) -> str:
    """Prefix of the names of its stages."""
    steps = student.task.loop.num_steps
    even = steps != built.tmkd.student.task.loop.num_steps
    varied = seeded.beside("task.loop.num_steps", steps) if even else ""
    return seeded.stages_of(student.preset, student.seed, varied)


def _trained(
    student: PairStudentConfig, built: TmkdRun, material: Material, at: Workplace
) -> list[ScoringNetwork]:
    """The student of a preset and a seed, or those of m-on-m."""
    prefix = _stages(student, built)
    found = train_students(student, material, at, prefix=prefix)
    return [one.student for one in found.values()]


def _crowd(material: Material) -> dict[str, list[ScoringNetwork]]:
    """Each teacher alone, and all of them."""
    alone = {f"teacher {m.name}": [m.network] for m in material.members}
    return {**alone, CROWD: [member.network for member in material.members]}


def _about(
    name: str, networks: Sequence[ScoringNetwork], times: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "parameters": scoreboard.facts(networks)["parameters"],
        "per_second": {
            size: one["per_second"] for size, one in times["systems"][name].items()
        },
    }


if __name__ == "__main__":
    mistakes.told(main)
