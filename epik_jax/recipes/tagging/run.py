"""Runs of XtremeDistil: from settings to a teacher, a student and a report.

A workplace and everything that a run is told go in; models, a cache and the report lie
in the run's folder afterwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epik_jax.data.conll import OUTSIDE
from epik_jax.interop.huggingface import is_hugging_face_folder
from epik_jax.interop.model_folder import Labeller, ModelFolder, load_model
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.recipes.legs import Leg, below
from epik_jax.recipes.mesh_config import MeshConfig
from epik_jax.recipes.provenance import story
from epik_jax.recipes.published import publish_model
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.tagging import report
from epik_jax.recipes.tagging.bert_folder import retold
from epik_jax.recipes.tagging.corpus import (
    TaggedCorpus,
    TaggedDataConfig,
    read_tagged_corpus,
)
from epik_jax.recipes.tagging.latency import demand_readable
from epik_jax.recipes.tagging.report import TaggingScoreboardConfig
from epik_jax.recipes.tagging.scoreboard import TEACHER
from epik_jax.recipes.tagging.teacher_config import sized_labeller
from epik_jax.recipes.tagging.teaching import gather_material
from epik_jax.recipes.tagging.xtremedistil import (
    XtremeDistilConfig,
    distil,
    ready_teacher,
)
from epik_jax.teachers.labelling import LabellingNetwork

_RECIPE = "xtremedistil"


@dataclasses.dataclass(frozen=True)
class XtremeDistilRun:
    """A run of the XtremeDistil recipe: data, the recipe, measuring, devices."""

    data: TaggedDataConfig
    xtremedistil: XtremeDistilConfig
    scoreboard: TaggingScoreboardConfig = dataclasses.field(
        default_factory=TaggingScoreboardConfig
    )
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)
    compute: Computing = PLAIN

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        return below("xtremedistil", self.xtremedistil.legs)


def run(
    config: XtremeDistilRun, at: Workplace, command: str, evaluate: bool
) -> dict[str, Any] | None:
    """Trains teacher and student and writes both, and the report if it is wanted."""
    recipe = config.xtremedistil
    if evaluate:
        _demand_lists(config)
    with at.stop:
        corpus = read_tagged_corpus(config.data)
        if evaluate:
            _demand_entities(corpus, config.data)
        teacher, origin = ready_teacher(recipe, corpus, config.data, at)
        if evaluate:
            demand_readable(TEACHER, teacher.config, config.scoreboard.latency)
        made = distil(recipe, teacher, corpus, at)
    _write_teacher(made.teacher, config, corpus, at, command, origin)
    taught = {
        "seed": config.xtremedistil.student.seed,
        "teacher": made.material.teacher_digest,
    }
    for lang, student in made.students.items():
        # Apart from "student", which is a model folder or nothing.
        folder = at.folder / "students" / lang if lang else at.folder / "student"
        langs = (lang,) if lang else corpus.langs
        _write(student, folder, config.data, langs, command, taught)
    if not evaluate:
        return None
    with at.stop:  # A sweep trains, and is gone on with.
        found = report.build_report(
            config.xtremedistil, config.scoreboard, made, corpus, at, command
        )
    return report.written(found, at)


def fill(config: XtremeDistilRun, at: Workplace, command: str) -> None:
    """Trains the teacher, writes it, and caches its answers.

    Raises:
      ValueError: students of these settings have no use for a cache.
    """
    recipe = config.xtremedistil
    if recipe.signals.live:
        raise ValueError("signals.live is set: the teacher's answers are not cached")
    if recipe.student.parts == {"labels"}:
        raise ValueError(
            f"strategy {recipe.student.strategy} learns from people's labels alone: "
            "there is nothing to cache"
        )
    with at.stop:
        corpus = read_tagged_corpus(config.data)
        teacher, origin = ready_teacher(recipe, corpus, config.data, at)
        gather_material(teacher, corpus, recipe.student, recipe.signals, at)
    _write_teacher(teacher, config, corpus, at, command, origin)


def _demand_lists(config: XtremeDistilRun) -> None:
    """Notices before anything is read that nothing can be reported on, or timed."""
    data, recipe = config.data, config.xtremedistil
    if data.kind == "files" and all(item.split != "test" for item in data.used):
        raise ValueError(
            "config.data.lists has no list of split 'test' to report on, in data.langs "
            "if these are set; add one, or leave the report out with `epik-jax train`"
        )
    if not recipe.teacher_folder:
        # Of a BERT the sizes are its own, but not how many pieces are read.
        sizes = sized_labeller(recipe.teacher.model, 1, data.labels, whole=False)
        demand_readable(TEACHER, sizes, config.scoreboard.latency)


def _demand_entities(corpus: TaggedCorpus, data: TaggedDataConfig) -> None:
    """Notices before hours of training that there is nothing to find."""
    tested = (s for found in corpus.test.values() for s in found)
    if data.task == "words" and not any(set(s.tags) - {OUTSIDE} for s in tested):
        raise ValueError(
            f"config.data.types {data.types}: no test sentence has an entity of these "
            "types"
        )


def _write_teacher(
    teacher: LabellingNetwork,
    config: XtremeDistilRun,
    corpus: TaggedCorpus,
    at: Workplace,
    command: str,
    origin: dict[str, Any],
) -> None:
    """Writes the teacher; one that was given keeps the story it came with."""
    folder, given = at.folder / "teacher", config.xtremedistil.teacher_folder
    if given:
        source = Path(given)
        if is_hugging_face_folder(source):
            model = retold(teacher, source, corpus.langs, command)
        else:
            model = load_model(source)
        return publish_model(model, folder)
    return _write(teacher, folder, config.data, corpus.langs, command, origin)


def _write(
    network: LabellingNetwork,
    folder: Path,
    data: TaggedDataConfig,
    langs: Sequence[str],
    command: str,
    origin: dict[str, Any],
) -> None:
    """Writes a network that learnt from all that there is in some languages."""
    learnt = [x for x in data.used if x.split in ("train", "unlabelled")]
    read = {x.path for x in learnt if x.lang in langs}
    about = story(_RECIPE, read or [data.kind], command, origin)
    about["languages"] = list(langs)
    model: Labeller = ModelFolder(network.params, network.config, network.pieces, about)
    publish_model(model, folder)
