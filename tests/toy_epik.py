"""The recipe without networks: toys in the place of what trains, for several files."""

from __future__ import annotations

from pathlib import Path

import tiny_run
from toy_networks import VOCABULARY, StandIn

from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes import settings
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.transliteration import epik
from epik_jax.recipes.transliteration.corpus import DataConfig, read_corpus
from epik_jax.recipes.transliteration.run_config import EpikRun
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.stop import StopFlag

CONFIG = f"{Path(__file__).parents[1]}/configs/epik.py"
SMALL = [
    "epik.transfer.num_words=3",
    *tiny_run.SMALL_MODELS,
]


CORPUS = read_corpus(DataConfig("builtin", num_synthetic=8))


def train_epik(config, at):
    return epik.train_epik(config, CORPUS, at)


class Wish(StopFlag):
    asked = False


def config_of(way="", *overrides):
    variant = f"tiny-{way}" if way else "tiny"
    plain = settings.read_config(f"{CONFIG}:{variant}", [*SMALL, *overrides])
    del plain["recipe"]
    return settings.build(EpikRun, plain).epik


def workplace(folder):
    return Workplace(
        folder, make_mesh(1, 1), MetricLog(folder / "metrics.jsonl"), Wish()
    )


class Runner:
    """Takes the place of what trains; keeps what it was given."""

    def __init__(self, monkeypatch):
        self.stages, self.lessons, self.validated = (), None, []
        self.teacher, self.trained = None, []
        monkeypatch.setattr(epik, "train_matra", self.train_matra)
        monkeypatch.setattr(epik, "run_stages", self.run_stages)
        student_stage, validate = epik.student_stage, epik.make_validate

        def noted(stage, config, model, teaching, lessons):
            self.lessons = lessons
            return student_stage(stage, config, model, teaching, lessons)

        def looked_at(model, vocabulary, chosen):
            self.validated = chosen
            return validate(model, vocabulary, chosen)

        monkeypatch.setattr(epik, "student_stage", noted)
        monkeypatch.setattr(epik, "make_validate", looked_at)

    def train_matra(self, config, corpus, at, *, name="matra"):
        made = StandIn(config.model.sized(VOCABULARY.size))
        self.trained.append((name, config.seed))
        if name == "matra":
            self.teacher = made
        return made

    def run_stages(self, stages, params, at):
        self.stages = stages
        return params
