"""From a configuration file to a finished run folder.

A file with `get_config`, overrides and a folder go in; trained models, a cache and a
report lie in the folder afterwards. The only entry to the recipes for the command line.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from epik_jax.files import write_whole
from epik_jax.interop.export import demand_replaceable
from epik_jax.parallel.mesh import demand_one_process, make_mesh
from epik_jax.recipes import epik, matra, settings
from epik_jax.recipes.corpus import read_corpus
from epik_jax.recipes.epik import EpikConfig
from epik_jax.recipes.provenance import (
    begun_from,
    export_network,
    export_trained,
    taught_by,
    typed_command,
)
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.run_config import EpikRun, MatraRun
from epik_jax.recipes.run_folder import RECORD, held
from epik_jax.recipes.run_report import (
    demand_reportable,
    epik_report,
    matra_report,
    written,
)
from epik_jax.teacher_cache.manifest import FILE_NAME
from epik_jax.teacher_cache.reader import inspect
from epik_jax.teachers.advice import adviser
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.stop import InterruptedRunError as InterruptedRunError
from epik_jax.training.stop import StopFlag

_BEFORE_MEASURING = "stopped after training, before measuring"


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
    typed = typed_command("run" if evaluate else "train", config_file, overrides)
    with _begun(config_file, overrides, workdir) as (built, at):
        if isinstance(built, MatraRun):
            return _run_matra(built, at, typed, evaluate)
        return _run_epik(built, at, typed, evaluate)


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
    typed = typed_command("cache", config_file, overrides)
    with _begun(config_file, overrides, workdir, ("teacher",)) as (built, at):
        if isinstance(built, MatraRun):
            raise ValueError("config.recipe 'matra' asks no teacher: nothing to cache")
        origin = _origin(built.epik)
        with at.stop:
            teacher = epik.fill_caches(built.epik, read_corpus(built.data), at)
        folder, given = workdir / "teacher", built.epik.teacher_folder
        export_network(teacher, folder, "matra", given, built.data, typed, origin)
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


@contextlib.contextmanager
def _begun(
    config_file: str,
    overrides: list[str],
    workdir: Path,
    models: Sequence[str] = ("teacher", "student"),
) -> Iterator[tuple[MatraRun | EpikRun, Workplace]]:
    """Settings and workplace of a run whose folder is held, and takes its `models`."""
    plain = settings.read_config(config_file, overrides)
    recipe = plain.pop("recipe", None)
    if recipe not in ("matra", "epik"):
        raise ValueError(f"config.recipe is {recipe!r}, expected 'matra' or 'epik'")
    kind: type[MatraRun] | type[EpikRun] = MatraRun if recipe == "matra" else EpikRun
    built = settings.build(kind, plain)
    if isinstance(built, EpikRun):
        _demand_adviser(built)
    demand_one_process()
    with held(workdir):
        at = Workplace(
            workdir,
            make_mesh(built.mesh.data, built.mesh.model),
            MetricLog(workdir / "metrics.jsonl"),
            StopFlag(),
        )
        for name in models:
            demand_replaceable(workdir / name)
        record = workdir / RECORD
        said = json.dumps({"recipe": recipe, **plain}, indent=1, ensure_ascii=False)
        if not record.exists():
            write_whole(record, said + "\n")
        yield built, at
        # Only now: settings that this folder refuses must not be its record.
        write_whole(record, said + "\n")


def _run_matra(
    config: MatraRun, at: Workplace, command: str, evaluate: bool
) -> dict[str, Any] | None:
    if evaluate:
        demand_reportable(config)
    origin = begun_from(config.teacher)
    with at.stop:
        corpus = read_corpus(config.data)
        network = matra.train_matra(config.teacher, corpus, at)
    folder = at.folder / "teacher"
    export_trained(network, folder, "matra", config.data, command, origin)
    if not evaluate:
        return None
    at.stop.obey(_BEFORE_MEASURING)
    return written(matra_report(config, corpus, network, at, command), at)


def _run_epik(
    config: EpikRun, at: Workplace, command: str, evaluate: bool
) -> dict[str, Any] | None:
    if evaluate:
        demand_reportable(config)
    recipe, data, origin = config.epik, config.data, _origin(config.epik)
    with at.stop:
        trained = epik.train_epik(recipe, read_corpus(data), at)
    taught = taught_by(recipe.student, trained.teacher)
    for place, name, network, given, story in (
        ("teacher", "matra", trained.teacher, recipe.teacher_folder, origin),
        ("student", "epik", trained.student, recipe.student_folder, taught),
    ):
        folder = at.folder / place
        export_network(network, folder, name, given, data, command, story)
    if not evaluate:
        return None
    # Measuring takes no signals over: it has nothing to save.
    at.stop.obey(_BEFORE_MEASURING)
    return written(epik_report(config, trained, at, command), at)


def _origin(config: EpikConfig) -> dict[str, Any]:
    """What the teacher is begun from where it is trained here."""
    return {} if config.teacher_folder else begun_from(config.teacher)


def _demand_adviser(config: EpikRun) -> None:
    """Misses a table that is not installed before its advice is wanted."""
    if (table := config.epik.transfer.crowd.table) != "none":
        adviser(table)
