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
import itertools
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
from epik_jax.recipes.scoring.digests import pairs_digest
from epik_jax.recipes.scoring.run import TmkdRun
from epik_jax.recipes.scoring.scoreboard import Scored
from epik_jax.recipes.scoring.tmkd import (
    gather_material,
    train_students,
)

FORMAT = "epik-sweep-1"


def main() -> None:
    """Trains and scores all values, prints a table and writes the figures."""
    seeded.set_up()
    options, overrides = _options()
    key, *values = options.vary
    varied = {value: [*overrides, f"{key}={value}"] for value in values}
    plain = run.configured(options.config, overrides)[1]
    found = {x: run.configured(options.config, varied[x])[1] for x in values}
    _demand_comparable(key, [*found.values()])
    named = {x: "" if _same(found[x], plain) else seeded.beside(key, x) for x in values}
    if len({*named.values()}) < len(values):
        raise ValueError(f"--vary {key}: two of {values} come to one name of a folder")
    scored: dict[str, list[Scored]] = {}
    about: dict[str, Any] = {}
    for value, some in varied.items():
        given = (options.config, some, options.workdir)
        with run.begun(*given, recorded=False) as (_, built, at):
            scored[f"{key}={value}"], told = _scored(built, options, named[value], at)
            about = about or told
    rows = Compared.of(options.config, scored).rows([next(iter(scored))])
    print("\n".join(map(line, rows)))
    made = {**about, "rows": rows}
    seeded.keep(options, FORMAT, _command(options, overrides), made)


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
    if any(_rest(one) != _rest(runs[0]) for one in runs):
        raise ValueError(
            f"--vary {key}: it is no setting of the student, nor "
            "tmkd.crowd.num_teachers; each value would need teachers of its own"
        )
    if any(_same(a, b) for a, b in itertools.combinations(runs, 2)):
        raise ValueError(f"--vary {key}: two of its values come to the same students")


def _rest(one: TmkdRun) -> dict[str, Any]:
    """All but the student, and how many teachers it hears."""
    plain = dataclasses.asdict(one)
    del plain["tmkd"]["student"], plain["tmkd"]["crowd"]["num_teachers"]
    return plain


def _same(one: TmkdRun, other: TmkdRun) -> bool:
    """Whether students of both come to be the same, for equal seeds."""
    mine, theirs = (
        (dataclasses.replace(x.tmkd.student, seed=0), len(x.tmkd.crowd.used))
        for x in (one, other)
    )
    return mine == theirs


def _command(options: argparse.Namespace, overrides: list[str]) -> str:
    """As one would type it; folders of this machine are left out."""
    given = typed_command("python benchmarks/sweep.py", options.config, overrides)
    words = ["--vary", *options.vary, "--seeds", *map(str, options.seeds)]
    return " ".join([given, *words, "--part", options.part])


def _scored(
    built: TmkdRun, options: argparse.Namespace, beside: str, at: Workplace
) -> tuple[list[Scored], dict[str, Any]]:
    """Students of all seeds on the lists that were asked for, and what these are."""
    student, right = built.tmkd.student, built.data.answer
    with at.stop:
        corpus = read_pair_corpus(built.data)
        lists = lists_of(corpus, options.part)
        general = student.wants_general
        shown = (built.tmkd, corpus, built.data, at)
        material = gather_material(*shown, general=general)
        found = []
        for seed in options.seeds:
            one = dataclasses.replace(student, seed=seed)
            prefix = seeded.stages_of(one.preset, seed, beside)
            taught = train_students(one, material, at, prefix=prefix)
            networks = [x.student for x in taught.values()]
            found.append(Scored.of(networks, lists, right))
    return found, {
        "metric": found[0].main,
        "n": {name: len(pairs) for name, pairs in lists.items()},
        "digest": pairs_digest(lists),
        "dev": dict(material.figures),
        "general": corpus.general_counts if general else {},
    }


if __name__ == "__main__":
    mistakes.told(main)
