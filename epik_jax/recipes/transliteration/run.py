"""Runs of MATra and EPIK: from settings to trained models, a cache and a report.

A workplace and everything that a run is told go in; teacher, student and report lie in
the run's folder afterwards.
"""

from __future__ import annotations

from typing import Any

from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.transliteration import epik, matra
from epik_jax.recipes.transliteration.corpus import read_corpus
from epik_jax.recipes.transliteration.epik import EpikConfig
from epik_jax.recipes.transliteration.exports import (
    begun_from,
    export_network,
    export_trained,
    taught_by,
)
from epik_jax.recipes.transliteration.run_config import EpikRun, MatraRun
from epik_jax.recipes.transliteration.run_report import (
    demand_reportable,
    epik_report,
    matra_report,
    written,
)
from epik_jax.teachers.advice import adviser

_BEFORE_MEASURING = "stopped after training, before measuring"


def run_matra(
    config: MatraRun, at: Workplace, command: str, evaluate: bool
) -> dict[str, Any] | None:
    """Trains the teacher and writes it, and its report where it is to be measured."""
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


def run_epik(
    config: EpikRun, at: Workplace, command: str, evaluate: bool
) -> dict[str, Any] | None:
    """Trains teacher and student and writes both, and the report if it is wanted."""
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


def fill_epik(config: EpikRun, at: Workplace, command: str) -> None:
    """Trains the teacher, writes it, and caches its answers."""
    recipe, data, origin = config.epik, config.data, _origin(config.epik)
    with at.stop:
        teacher = epik.fill_caches(recipe, read_corpus(data), at)
    folder, given = at.folder / "teacher", recipe.teacher_folder
    export_network(teacher, folder, "matra", given, data, command, origin)


def _origin(config: EpikConfig) -> dict[str, Any]:
    """What the teacher is begun from where it is trained here."""
    return {} if config.teacher_folder else begun_from(config.teacher)


def check(config: MatraRun | EpikRun) -> None:
    """Misses a table that is not installed before its advice is wanted.

    Raises:
      ValueError: it is not installed; says how to get it.
    """
    if isinstance(config, EpikRun):
        table = config.epik.transfer.crowd.table
        if table != "none":
            adviser(table)
