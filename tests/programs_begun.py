"""Runs that train nothing: what they would train, and where it begins."""

from __future__ import annotations

import re
from pathlib import Path

from epik_jax.recipes import run as runs
from epik_jax.recipes.scoring import drawn, teaching
from epik_jax.recipes.scoring import teacher as scoring_teacher
from epik_jax.recipes.tagging import curriculum
from epik_jax.recipes.tagging import teacher as tagging_teacher
from epik_jax.recipes.transliteration import epik, matra

CONFIGS = Path(__file__).parents[1] / "configs"
TRAINERS = (drawn, teaching, scoring_teacher, curriculum, tagging_teacher, epik, matra)
MOST_PIECES = 300
SCORER = [
    "data.num_questions=6",
    f"tmkd.pieces.size={MOST_PIECES}",
    "tmkd.crowd.num_teachers=2",
    "tmkd.num_shards=1",
]


def begun(monkeypatch, config, overrides, folder):
    """Stages of a run, none of which trains, what each begins with, and how."""
    given = []

    def run_stages(stages, params, at):
        for stage in stages:
            params = stage.carry_over(params)
            given.append((stage, params, at.computing))
        return params

    for module in TRAINERS:
        monkeypatch.setattr(module, "run_stages", run_stages)
    runs.run(f"{CONFIGS}/{config}", overrides, folder, evaluate=False)
    return given


def with_most_pieces(text, num_pieces):
    """A program of a BiLSTM, whose pieces are those of its text alone, with all."""
    for less in (0, 1):
        here, there = num_pieces - less, MOST_PIECES - less
        text = re.sub(rf"<{here}([x>])", rf"<{there}\1", text)
    return text
