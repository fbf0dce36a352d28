"""From a configuration file to a finished run folder.

A file with `get_config`, overrides and a folder go in; trained models, a cache and a
report lie in the folder afterwards. The only entry to the recipes for the command line.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from epik_jax.bounds import demand
from epik_jax.evaluation import page, report
from epik_jax.evaluation.feature_distance import make_feature_distance
from epik_jax.files import write_whole
from epik_jax.interop.export import is_model_folder
from epik_jax.parallel.mesh import demand_one_process, make_mesh
from epik_jax.recipes import epik, matra, measurements, scoreboard, settings
from epik_jax.recipes.corpus import DataConfig, read_corpus
from epik_jax.recipes.epik import EpikConfig, Trained
from epik_jax.recipes.matra import MatraConfig
from epik_jax.recipes.provenance import (
    begun_from,
    commit,
    export_network,
    export_trained,
    how_trained,
    kept_pairs,
    taught_by,
    typed_command,
)
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.run_folder import RECORD, held
from epik_jax.recipes.scoreboard import ScoreboardConfig
from epik_jax.recipes.streams import examples_digest
from epik_jax.teacher_cache.manifest import FILE_NAME
from epik_jax.teacher_cache.reader import inspect
from epik_jax.teachers.advice import adviser
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.stop import InterruptedRunError as InterruptedRunError
from epik_jax.training.stop import StopFlag


@dataclasses.dataclass(frozen=True)
class MeshConfig:
    """Devices.

    Attributes:
      data: ways that a batch is split.
      model: ways that wide parameters are split.
    """

    data: int = 1
    model: int = 1

    def __post_init__(self) -> None:
        """Refuses a mesh without devices."""
        demand(self, 1, "data", "model")


@dataclasses.dataclass(frozen=True)
class MatraRun:
    """A run of the MATra recipe: data, training, devices."""

    data: DataConfig
    teacher: MatraConfig
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)


@dataclasses.dataclass(frozen=True)
class EpikRun:
    """A run of the EPIK recipe: data, everything of the recipe, measuring, devices."""

    data: DataConfig
    epik: EpikConfig
    scoreboard: ScoreboardConfig = dataclasses.field(default_factory=ScoreboardConfig)
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)


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
      ValueError: a configuration that cannot be run; says which key.
      InterruptedRunError: a stop was asked for, everything is saved.
      BlockingIOError: another process runs in `workdir`.
    """
    typed = typed_command("run" if evaluate else "train", config_file, overrides)
    with _begun(config_file, overrides, workdir) as (built, at):
        if isinstance(built, MatraRun):
            origin, folder = begun_from(built.teacher), workdir / "teacher"
            with at.stop:
                network = matra.train_matra(built.teacher, read_corpus(built.data), at)
            export_trained(network, folder, "matra", built.data, typed, origin)
            return None
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
    """
    typed = typed_command("cache", config_file, overrides)
    with _begun(config_file, overrides, workdir) as (built, at):
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
    config_file: str, overrides: list[str], workdir: Path
) -> Iterator[tuple[MatraRun | EpikRun, Workplace]]:
    """Settings and workplace of a run whose folder is held."""
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
        record = workdir / RECORD
        said = json.dumps({"recipe": recipe, **plain}, indent=1, ensure_ascii=False)
        if not record.exists():
            write_whole(record, said + "\n")
        yield built, at
        # Only now: settings that this folder refuses must not be its record.
        write_whole(record, said + "\n")


def _run_epik(
    config: EpikRun, at: Workplace, command: str, evaluate: bool
) -> dict[str, Any] | None:
    if evaluate:
        _demand_ready(config)
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
    at.stop.obey("stopped after training, before measuring")
    made = _report(trained, config, at, command)
    report.write_report(at.folder / "report.json", made)
    page.write_page(at.folder / "report.html", made)
    return made


def _origin(config: EpikConfig) -> dict[str, Any]:
    """What the teacher is begun from where it is trained here."""
    return {} if config.teacher_folder else begun_from(config.teacher)


def _demand_adviser(config: EpikRun) -> None:
    """Misses a table that is not installed before its advice is wanted."""
    if (table := config.epik.transfer.crowd.table) != "none":
        adviser(table)


def _demand_ready(config: EpikRun) -> None:
    """Notices before hours of training what the report would miss after them."""
    data = config.data
    if data.kind == "files" and all(item.split != "names" for item in data.lists):
        raise ValueError(
            "config.data.lists has no list of split 'names' to report on; add "
            "one, or leave the report out with `epik-jax train`"
        )
    for kind in config.scoreboard.tables:
        adviser(kind)
    if config.scoreboard.feature_distance:
        make_feature_distance()
    for name, folder in (*config.scoreboard.others, *config.scoreboard.baselines):
        if not is_model_folder(Path(folder)):
            raise ValueError(f"config.scoreboard: {name}: no model folder at {folder}")


def _report(
    trained: Trained, config: EpikRun, at: Workplace, command: str
) -> dict[str, Any]:
    names = scoreboard.direct_names(trained, config.scoreboard)
    found = scoreboard.systems(trained, names, config.scoreboard)
    rows = at.log.rows()
    measured = measurements.findings(trained, found, rows, config.scoreboard)
    wanted = config.scoreboard.feature_distance
    return report.build_report(
        "EPIK: a two-stage chain in one student",
        found,
        run={
            "command": command,
            "commit": commit(),
            **how_trained(config.epik.student_folder, config.epik.student.seed, rows),
            **kept_pairs(trained.corpus.counts),
        },
        data={
            "name": f"direct names@{examples_digest(names)[:8]}",
            "note": "Names that choices were made on are not among them.",
            "counts": trained.corpus.counts,
        },
        distance=make_feature_distance() if wanted else None,
        findings=measured,
    )
