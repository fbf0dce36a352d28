"""What benchmarks on direct names share: which are asked, how systems are printed."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epik_jax.evaluation import report
from epik_jax.evaluation.findings import System
from epik_jax.recipes import figures
from epik_jax.recipes.provenance import commit
from epik_jax.recipes.transliteration.pairs_file import PairsFile, Part
from epik_jax.recipes.transliteration.streams import examples_digest
from epik_jax.recipes.transliteration.systems import answered as system_of
from epik_jax.structs import Example
from epik_jax.teachers.chain import Answers

MAX_LENGTH = 32


def direct_names(path: Path, part: Part | str, apart: Sequence[str]) -> list[Example]:
    """Names between Indic languages, without those of the sources `apart`.

    Raises:
      ValueError: none is left.
    """
    file = PairsFile(path, format="parallel", part=part)  # type: ignore[arg-type]
    names = [e for e in file.read(MAX_LENGTH)[0] if "en" not in e.langs]
    if not (kept := [e for e in names if e.origin not in apart]):
        others = f" but those of {list(apart)}" if apart else ""
        raise ValueError(f"{path}: no direct name{others} in part {part or 'whole'!r}")
    return kept


def answered(
    name: str,
    role: str,
    names: Sequence[Example],
    answers: Answers,
    decode: str,
    digest: str = "",
) -> System:
    """A system with its answers; says that it has given them."""
    print(f"{name}: {len(names)} names", flush=True)
    system = system_of(name, role, names, answers, None, decode)
    return dataclasses.replace(system, digest=digest)


def show(
    title: str, systems: Sequence[System], data: str, json_file: Path | None
) -> dict[str, Any]:
    """Scores the systems, prints their figures, writes the report; returns it."""
    code, asked = commit(), [example for example, _ in systems[0].predictions]
    made = report.build_report(
        title,
        systems,
        run={"command": _typed(), "commit": code},
        data={"name": f"{data}@{examples_digest(asked)[:8]}"},
        code=code,
    )
    if json_file:
        report.write_report(json_file, made)
    n = made["data"]["n"]
    rows = [(s["name"], n, s["overall"]) for s in made["systems"]]
    print(figures.figures_table("system", rows))
    print(figures.definitions(rows))
    return made


def _typed() -> str:
    """The command, without the folders of this machine."""
    script, *words = sys.argv
    shown = (Path(w).name if Path(w).is_absolute() else w for w in words)
    return shlex.join(["python", f"benchmarks/{Path(script).name}", *shown])
