"""Strategies of XtremeDistil under one budget, each with several seeds.

    python benchmarks/strategies.py --config FILE:VARIANT --workdir RUN \
        [--strategies D4.2 D0-S D1 D2] [--seeds 1 2 3] [--weights 1 1 1] \
        [--part test] [--json OUT] [--config.KEY=VALUE ...]

Teacher and cache are those of the run in the folder, made where they are missing. A
student may take the steps of `xtremedistil.student.loop.num_steps`, however its
strategy shares them out, and of D0 each language's may; with
`--config.xtremedistil.student.loop.patience=0` it takes them all. Differences are from
the first strategy, over sentences and seeds. It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mistakes
import numpy as np
import seeded

from epik_jax.evaluation import bootstrap
from epik_jax.recipes import run
from epik_jax.recipes.provenance import trained_seconds, typed_command
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.tagging.corpus import TaggedCorpus, read_tagged_corpus
from epik_jax.recipes.tagging.run import XtremeDistilRun
from epik_jax.recipes.tagging.scoreboard import Tagged
from epik_jax.recipes.tagging.strategies import BY_LANGUAGE, PARTS, STRATEGIES
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.recipes.tagging.teaching import gather_material
from epik_jax.recipes.tagging.xtremedistil import ready_teacher, train_students
from epik_jax.structs import Sentence

FORMAT = "epik-strategies-2"


def main() -> None:
    """Trains and scores all of them, prints a table and writes the figures."""
    seeded.set_up()
    options, overrides = _options()
    given = (options.config, overrides, options.workdir)
    with run.begun(*given, recorded=False) as (_, built, at):
        if not isinstance(built, XtremeDistilRun):
            raise ValueError(f"--config: {options.config} is no xtremedistil recipe")
        asked = built.xtremedistil.student
        if options.weights:
            asked = dataclasses.replace(asked, weights=tuple(options.weights))
        students = {
            name: [
                dataclasses.replace(asked, strategy=name, seed=seed)
                for seed in options.seeds
            ]
            for name in options.strategies
        }
        tagged = _tagged(built, students, options.part, at)
        spent = {name: _spent(at.log.rows(), some) for name, some in students.items()}
    first = tagged[options.strategies[0]]
    rows = [{**_row(x, tagged[x], first), **spent[x]} for x in options.strategies]
    for row in rows:
        print(_line(row))
    made = {
        "steps": asked.loop.num_steps,
        "patience": asked.loop.patience,
        "weights": dict(zip(PARTS, asked.weights, strict=True)),
        "rows": rows,
    }
    seeded.keep(options, FORMAT, _command(options, overrides), made)


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument(
        "--strategies",
        nargs="+",
        choices=STRATEGIES,
        default=["D4.2", "D0-S", "D1", "D2"],
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--weights",
        type=float,
        nargs=3,
        metavar=("REPRESENTATION", "LOGITS", "LABELS"),
        help="of what is learnt at once",
    )
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    return seeded.parsed(parser, ("strategies", "seeds"))


def _command(options: argparse.Namespace, overrides: list[str]) -> str:
    """As one would type it; folders of this machine are left out."""
    program = "python benchmarks/strategies.py"
    given = typed_command(program, options.config, overrides)
    words = ["--strategies", *options.strategies, "--seeds", *map(str, options.seeds)]
    if options.weights:
        words += ["--weights", *(f"{weight:g}" for weight in options.weights)]
    words += ["--part", options.part]
    return " ".join([given, *words])


def _tagged(
    built: XtremeDistilRun,
    students: Mapping[str, Sequence[TaggingStudentConfig]],
    part: str,
    at: Workplace,
) -> dict[str, list[Tagged]]:
    """What the students of each strategy write, in order of their seeds."""
    recipe = built.xtremedistil
    with at.stop:
        corpus = read_tagged_corpus(built.data)
        lists = _lists(corpus, part, recipe.student.num_validated)
        teacher, _ = ready_teacher(recipe, corpus, built.data, at)
        # Of all that any strategy wants.
        asking = dataclasses.replace(recipe.student, strategy="D2")
        material = gather_material(teacher, corpus, asking, recipe.signals, at)
        return {
            name: [
                Tagged.of(
                    train_students(student, material, at, prefix=_prefix(student)),
                    lists,
                )
                for student in some
            ]
            for name, some in students.items()
        }


def _lists(
    corpus: TaggedCorpus, part: str, num_validated: int
) -> dict[str, list[Sentence]]:
    """What is scored: of dev lists those sentences by which no student was chosen."""
    lists = corpus.test if part == "test" else corpus.dev_beside(num_validated)
    if not lists:
        raise ValueError(f"config.data: there is nothing of split {part!r} to score")
    return lists


def _prefix(student: TaggingStudentConfig) -> str:
    """Of a student's stages; its weights count where something is learnt at once."""
    name = f"compared-{student.strategy}-{student.seed}"
    if all(len(stage.parts) == 1 for stage in student.sub_stages):
        return name
    return "-".join([name, "weights", *(f"{weight:g}" for weight in student.weights)])


def _spent(
    log: Sequence[Mapping[str, Any]], students: Sequence[TaggingStudentConfig]
) -> dict[str, list[Any]]:
    """Steps that were really taken, and minutes, of each student."""
    taken, minutes = [], []
    for student in students:
        ends: dict[str, int] = {}
        lang = r"(-[\w-]+)?" if student.strategy in BY_LANGUAGE else ""
        stages = "|".join(re.escape(stage.name) for stage in student.sub_stages)
        own = re.compile(f"{re.escape(_prefix(student))}{lang}-({stages})")
        rows = [row for row in log if own.fullmatch(row["stage"])]
        for row in rows:
            ends[row["stage"]] = max(row["step"], ends.get(row["stage"], 0))
        taken.append(sum(ends.values()))
        minutes.append(round(trained_seconds(rows) / 60, 2))
    return {"taken": taken, "minutes": minutes}


def _row(name: str, runs: Sequence[Tagged], first: Sequence[Tagged]) -> dict[str, Any]:
    rows = np.flatnonzero(runs[0].scores.counted(runs[0].langs))
    langs = runs[0].langs[rows]
    each = [bootstrap.macro_value(one.main.take(rows), langs) for one in runs]
    row: dict[str, Any] = {
        "strategy": name,
        "each": each,
        "mean": statistics.mean(each),
        "sd": statistics.stdev(each) if len(each) > 1 else 0.0,
        "by_language": {
            lang: statistics.mean(one.value(lang) for one in runs)
            for lang in dict.fromkeys(langs.tolist())
        },
    }
    if runs is not first and len(runs) > 1:
        theirs, ours = ([x.main.take(rows) for x in some] for some in (first, runs))
        found = bootstrap.seeds_interval(ours, theirs, langs, num_resamples=1000)
        row["difference"] = found.figure()
        row["verdict"] = found.verdict(higher_is_better=True)
    return row


def _line(row: Mapping[str, Any]) -> str:
    text = f"{row['strategy']:6} {100 * row['mean']:6.2f} ± {100 * row['sd']:.2f}"
    if "difference" in row:
        value, low, high = (
            100 * row["difference"][k] for k in ("value", "low", "high")
        )
        text += f"   {value:+.2f} [{low:+.2f}, {high:+.2f}] {row['verdict']}"
    return text


if __name__ == "__main__":
    mistakes.told(main)
