"""Runs of TMKD: from settings to a crowd, a student and a report.

A workplace and everything that a run is told go in; models, a cache and the report lie
in the run's folder afterwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epik_jax.interop.huggingface import is_hugging_face_folder
from epik_jax.interop.model_folder import ModelFolder, Scorer, load_model
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.recipes.legs import Leg, below
from epik_jax.recipes.mesh_config import MeshConfig
from epik_jax.recipes.provenance import last_parts, story
from epik_jax.recipes.published import publish_model
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring import report
from epik_jax.recipes.scoring.corpus import PairDataConfig, read_pair_corpus
from epik_jax.recipes.scoring.crowd import Member
from epik_jax.recipes.scoring.digests import network_digest
from epik_jax.recipes.scoring.report import PairScoreboardConfig
from epik_jax.recipes.scoring.scoreboard import demand_readable
from epik_jax.recipes.scoring.tmkd import (
    Material,
    TmkdConfig,
    gather_material,
    read_lengths,
    train_students,
)
from epik_jax.teachers.scoring import ScoringNetwork

_RECIPE = "tmkd"


@dataclasses.dataclass(frozen=True)
class TmkdRun:
    """A run of the TMKD recipe: data, the recipe, measuring, devices."""

    data: PairDataConfig
    tmkd: TmkdConfig
    scoreboard: PairScoreboardConfig = dataclasses.field(
        default_factory=PairScoreboardConfig
    )
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)
    compute: Computing = PLAIN

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        return below("tmkd", self.tmkd.legs)


def run(
    config: TmkdRun, at: Workplace, command: str, evaluate: bool
) -> dict[str, Any] | None:
    """Trains crowd and student and writes both, and the report if it is wanted."""
    recipe, data = config.tmkd, config.data
    if evaluate and data.kind == "files" and all(x.split != "test" for x in data.lists):
        raise ValueError(
            "config.data.lists has no list of split 'test' to report on; add one, or "
            "leave the report out with `epik-jax train`"
        )
    _demand_own(at.folder, several=recipe.student.plan.heard == "each")
    with at.stop:
        corpus = read_pair_corpus(data)
        general = recipe.student.wants_general
        if evaluate:
            demand_readable(read_lengths(recipe), config.scoreboard.latency.length)
        material = gather_material(recipe, corpus, data, at, general=general)
        if evaluate:
            there = {m.name: m.network.config.max_length for m in material.members}
            demand_readable(there, config.scoreboard.latency.length)
        _write_crowd(material, data, at, command)
        students = train_students(recipe.student, material, at)
    taught = {
        "seed": recipe.student.seed,
        "teacher": "+".join(network_digest(m.network) for m in material.members),
    }
    for name, one in students.items():
        # Apart from "student", which is a model folder or nothing.
        folder = at.folder / "students" / name if name else at.folder / "student"
        _write(one.student, folder, data, command, taught)
        if one.general:
            _write(one.general, at.folder / "general-student", data, command, taught)
    if not evaluate:
        return None
    at.stop.obey("stopped after training, before measuring")
    measured = config.scoreboard
    found = report.build_report(recipe, measured, material, students, at, command)
    return report.written(found, at)


def fill(config: TmkdRun, at: Workplace, command: str) -> None:
    """Trains the crowd, writes it, and caches its answers.

    Raises:
      ValueError: students of these settings have no use for a cache.
    """
    recipe = config.tmkd
    if recipe.student.plan.heard == "nobody":
        raise ValueError(
            f"preset {recipe.student.preset!r} learns from people alone: there is "
            "nothing to cache"
        )
    with at.stop:
        corpus = read_pair_corpus(config.data)
        general = recipe.student.wants_general
        material = gather_material(recipe, corpus, config.data, at, general=general)
    _write_crowd(material, config.data, at, command)


def _demand_own(folder: Path, *, several: bool) -> None:
    """Refuses a folder in which students of another preset would stay behind."""
    other = folder / ("student" if several else "students")
    if other.is_dir():
        raise ValueError(
            f"{other} is of another preset; use another workdir, or move it away"
        )


def _write_crowd(
    material: Material, data: PairDataConfig, at: Workplace, command: str
) -> None:
    for member in material.members:
        folder = at.folder / "teachers" / member.name
        if member.given:
            model = _retold(member, command)
            publish_model(model, folder)
        else:
            _write(member.network, folder, data, command, member.origin)


def _retold(member: Member, command: str) -> Any:
    """A teacher that was given, with the story it came with, or says others made it."""
    folder = Path(member.given)
    if not is_hugging_face_folder(folder):
        return load_model(folder)
    network = member.network
    model: Scorer = ModelFolder(network.params, network.config, network.pieces, {})
    learnt = f"not known here: read as it is from {last_parts(folder)}"
    about = story(_RECIPE, [learnt], command, {"start": model.digest})
    return dataclasses.replace(model, about={**about, "languages": []})


def _write(
    network: ScoringNetwork,
    folder: Path,
    data: PairDataConfig,
    command: str,
    origin: Mapping[str, Any],
) -> None:
    read = [x.path for x in data.lists if x.split in ("train", "general")]
    about = story(_RECIPE, sorted({*read}) or [data.kind], command, origin)
    about |= {"languages": [], "right": data.answer}
    model: Scorer = ModelFolder(network.params, network.config, network.pieces, about)
    publish_model(model, folder)
