"""From a configuration file to a finished run folder.

A file with `get_config`, overrides and a folder go in; trained models, a cache and a
report lie in the folder afterwards. The only entry to the recipes for the command line.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from epik_jax.files import write_whole
from epik_jax.interop.export import demand_replaceable
from epik_jax.parallel import processes
from epik_jax.parallel.mesh import Mesh, make_mesh
from epik_jax.recipes import legs, settings
from epik_jax.recipes.program import Program
from epik_jax.recipes.provenance import typed_command
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.run_folder import RECORD, demand_shared, held
from epik_jax.recipes.scoring import report as scoring_report
from epik_jax.recipes.scoring import run as scoring
from epik_jax.recipes.scoring.programs import tmkd_programs
from epik_jax.recipes.tagging import report as tagging_report
from epik_jax.recipes.tagging import run as tagging
from epik_jax.recipes.tagging.programs import xtremedistil_programs
from epik_jax.recipes.transliteration import run as transliteration
from epik_jax.recipes.transliteration import summaries
from epik_jax.recipes.transliteration.programs import epik_programs, matra_programs
from epik_jax.recipes.transliteration.run_config import EpikRun, MatraRun
from epik_jax.teacher_cache.manifest import FILE_NAME
from epik_jax.teacher_cache.reader import inspect
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.stop import InterruptedRunError as InterruptedRunError
from epik_jax.training.stop import StopFlag


@dataclasses.dataclass(frozen=True)
class Runnable:
    """A recipe as the command line knows it.

    Attributes:
      settings: a dataclass of everything that a run is told; `mesh` and `compute` are
        among it, and `legs` says what is trained.
      check: refuses settings for what is known before anything is read; None where
        they refuse it themselves.
      run: settings, workplace, command, and whether to measure -> a report, or None.
      fill: settings, workplace and command -> caches in the workplace's folder; None
        of a recipe that asks no teacher.
      programs: settings and a mesh -> what a run compiles.
    """

    settings: type[Any]
    check: Callable[[Any], None] | None
    run: Callable[[Any, Workplace, str, bool], dict[str, Any] | None]
    fill: Callable[[Any, Workplace, str], None] | None
    programs: Callable[[Any, Mesh], list[Program]]


RECIPES = {
    "matra": Runnable(
        MatraRun,
        transliteration.check,
        transliteration.run_matra,
        None,
        matra_programs,
    ),
    "epik": Runnable(
        EpikRun,
        transliteration.check,
        transliteration.run_epik,
        transliteration.fill_epik,
        epik_programs,
    ),
    "xtremedistil": Runnable(
        tagging.XtremeDistilRun, None, tagging.run, tagging.fill, xtremedistil_programs
    ),
    "tmkd": Runnable(scoring.TmkdRun, None, scoring.run, scoring.fill, tmkd_programs),
}


def run(
    config_file: str, overrides: list[str], workdir: Path, *, evaluate: bool
) -> dict[str, Any] | None:
    """Runs a recipe to its end, resuming what was begun in `workdir`.

    Args:
      config_file: "FILE" or "FILE:variant".
      overrides: "path.to.key=value".
      workdir: of the run; made where it is missing.
      evaluate: measure and write the report after training.

    Returns:
      The report, or None where nothing was measured.

    Raises:
      ValueError: a configuration that cannot be run, says which key; or something of
        somebody else's lies where a model is to be written.
      InterruptedRunError: a stop was asked for, everything is saved.
      BlockingIOError: another process runs in `workdir`.
      NotADirectoryError: `workdir` is no folder.
    """
    program = "epik-jax run" if evaluate else "epik-jax train"
    typed = typed_command(program, config_file, overrides)
    with begun(config_file, overrides, workdir) as (recipe, built, at):
        processes.demand_same("command", {"program": program})
        return recipe.run(built, at, typed, evaluate)


def fill_caches(config_file: str, overrides: list[str], workdir: Path) -> list[Path]:
    """Trains the teacher and caches its answers, without a student.

    A later `run` in the same folder goes on from there.

    Args:
      config_file: "FILE" or "FILE:variant".
      overrides: "path.to.key=value".
      workdir: of the run; made where it is missing.

    Returns:
      The caches' folders.

    Raises:
      ValueError: a configuration that cannot be run, or whose recipe has no cache.
      InterruptedRunError: a stop was asked for, everything is saved.
      BlockingIOError: another process runs in `workdir`.
      NotADirectoryError: `workdir` is no folder.
    """
    program = "epik-jax cache"
    typed = typed_command(program, config_file, overrides)
    with begun(config_file, overrides, workdir, ("teacher",)) as (recipe, built, at):
        processes.demand_same("command", {"program": program})
        if recipe.fill is None:
            raise ValueError("config.recipe 'matra' asks no teacher: nothing to cache")
        recipe.fill(built, at, typed)
    return find_caches(workdir)


def find_caches(folder: Path) -> list[Path]:
    """The caches of a run, or the one that `folder` is itself.

    Raises:
      FileNotFoundError: there is none.
    """
    for places in ([folder], sorted((folder / "cache").glob("*"))):
        if found := [p for p in places if (p / FILE_NAME).is_file()]:
            return found
    raise FileNotFoundError(
        f"{folder}: no teacher cache here, nor below cache/; fill one with "
        "`epik-jax cache --config FILE --workdir DIR`"
    )


def cache_summary(folder: Path) -> dict[str, Any]:
    """What a cache holds, as JSON values; see `teacher_cache.reader.inspect`."""
    return inspect(folder)


def configured(
    config_file: str, overrides: list[str]
) -> tuple[Runnable, Any, dict[str, Any]]:
    """The recipe of a configuration, its settings, and all of it as plain values.

    Args:
      config_file: "FILE" or "FILE:variant".
      overrides: "path.to.key=value".

    Raises:
      ValueError: a configuration that cannot be run.
    """
    plain = settings.read_config(config_file, overrides)
    name = plain.get("recipe")
    if not isinstance(name, str) or name not in RECIPES:
        raise ValueError(f"config.recipe is {name!r}, expected one of {(*RECIPES,)}")
    recipe = RECIPES[name]
    kept = {key: value for key, value in plain.items() if key != "recipe"}
    built = settings.build(recipe.settings, kept)
    if recipe.check:
        recipe.check(built)
    return recipe, built, {"recipe": name, **kept}


@contextlib.contextmanager
def begun(
    config_file: str,
    overrides: list[str],
    workdir: Path,
    models: Sequence[str] = ("teacher", "student"),
    *,
    recorded: bool = True,
) -> Iterator[tuple[Runnable, Any, Workplace]]:
    """Settings and workplace of a run, whose folder is held while it goes on.

    Args:
      config_file: "FILE" or "FILE:variant".
      overrides: "path.to.key=value".
      workdir: of the run; made where it is missing.
      models: folders in it that models are to be written to.
      recorded: whether the folder's record of settings is of these from now on, and not
        of those that its models were made with.

    Yields:
      The recipe, its settings and the workplace.

    Raises:
      ValueError: a configuration that cannot be run, or a folder that is somebody
        else's.
      BlockingIOError: another process runs in `workdir`.
    """
    recipe, built, plain = configured(config_file, overrides)
    first = processes.is_first()
    with held(workdir) if first else contextlib.nullcontext():
        processes.demand_same("config", plain)
        demand_shared(workdir)
        mesh = make_mesh(built.mesh.data, built.mesh.model)
        legs.demand_split(built.legs, mesh)
        at = Workplace(
            workdir,
            mesh,
            MetricLog(workdir / "metrics.jsonl"),
            StopFlag(),
            built.compute,
        )
        for model in models:
            demand_replaceable(workdir / model)
        record = workdir / RECORD
        said = json.dumps(plain, indent=1, ensure_ascii=False)
        if first and not record.exists():
            write_whole(record, said + "\n")
        yield recipe, built, at
        # Only now: settings that this folder refuses must not be its record.
        if recorded and first:
            write_whole(record, said + "\n")


def summary(made: dict[str, Any]) -> str:
    """What a terminal shows of a run's report."""
    if made["format"] == tagging_report.FORMAT:
        return tagging_report.summary(made)
    if made["format"] == scoring_report.FORMAT:
        return scoring_report.summary(made)
    return summaries.closing_table(made)
