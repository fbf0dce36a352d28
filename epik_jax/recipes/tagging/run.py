"""Runs of XtremeDistil: from settings to a teacher, a student and a report.

A workplace and everything that a run is told go in; models, a cache and the report lie
in the run's folder afterwards.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from epik_jax.recipes.mesh_config import MeshConfig
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.tagging.corpus import TaggedDataConfig, read_tagged_corpus
from epik_jax.recipes.tagging.pieces import PiecesConfig, build_pieces
from epik_jax.recipes.tagging.teacher import TeacherConfig, train_teacher


@dataclasses.dataclass(frozen=True)
class XtremeDistilRun:
    """A run of the XtremeDistil recipe.

    Attributes:
      data: sentences.
      pieces: what the teacher reads.
      teacher: how it is trained.
      mesh: devices.
    """

    data: TaggedDataConfig
    teacher: TeacherConfig
    pieces: PiecesConfig = dataclasses.field(default_factory=PiecesConfig)
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)


def check(config: XtremeDistilRun) -> None:
    """Nothing is known to be wrong before anything is read."""


def run(
    config: XtremeDistilRun, at: Workplace, command: str, evaluate: bool
) -> dict[str, Any] | None:
    """Trains teacher and student and writes both, and the report if it is wanted."""
    with at.stop:
        corpus = read_tagged_corpus(config.data)
        pieces = build_pieces(config.pieces, corpus.transfer, at)
        train_teacher(config.teacher, corpus, config.data.labels, pieces, at)
    return None


def fill(config: XtremeDistilRun, at: Workplace, command: str) -> None:
    """Trains the teacher, writes it, and caches its answers."""
