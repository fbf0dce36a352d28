"""XtremeDistil at its smallest: pieces, teacher, cache, student, and again."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tiny_run
import tiny_tagger_run
from tiny_tagger_run import CONFIG, OVERRIDES, STAGES

from epik_jax import trees
from epik_jax.interop.model_folder import load_labeller
from epik_jax.models.labeller_config import BilstmLabellerConfig, EncoderLabellerConfig
from epik_jax.recipes import run as runs
from epik_jax.recipes.tagging.tagger import tag_lines
from epik_jax.teachers.labelling import LabellingNetwork


@pytest.fixture(scope="module")
def done():
    return tiny_tagger_run.finished()


def test_a_run_leaves_pieces_both_models_cache_and_log(done):
    expected = {
        "config.json",
        "metrics.jsonl",
        "teacher/model.safetensors",
        "student/model.safetensors",
        "cache/layer-1/MANIFEST.json",
    }
    assert expected <= set(done.written[-1])
    assert len(list((done.folder / "vocabulary").iterdir())) == 1


def test_a_run_that_was_stopped_goes_on_where_it_was(done):
    assert done.trained[0] == ["teacher-masked", "teacher-tagging"]
    assert "teacher/model.safetensors" in done.written[0]
    assert "student/model.safetensors" not in done.written[1]
    assert done.trained[1] == STAGES[:1]
    assert done.trained[2] == STAGES[1:]
    for name, when in done.written[0].items():
        if name.startswith(("cache/", "vocabulary/")) and "lock" not in name:
            assert done.written[2][name] == when, name


def test_a_second_run_trains_nothing_and_gives_the_same_models(done):
    assert done.trained[3] == []
    kept = [
        name
        for name in done.written[2]
        if name.startswith(("cache/", "stages/", "metrics", "vocabulary/"))
    ]
    assert len(kept) > 10
    for name in kept:
        assert done.written[3][name] == done.written[2][name], name


def test_the_student_ships_without_its_bridge_and_reads_fewer_pieces(done):
    student, teacher = (load_labeller(done.folder / n) for n in ("student", "teacher"))
    assert isinstance(student.config, BilstmLabellerConfig)
    assert isinstance(teacher.config, EncoderLabellerConfig)
    assert student.config.labels == teacher.config.labels
    assert set(student.vocabulary.pieces) <= set(teacher.vocabulary.pieces)
    paths = trees.flatten(student.params)
    assert not any("bridge" in path or "projection" in path for path in paths)
    assert all(np.isfinite(leaf).all() for leaf in paths.values())
    assert student.about["teacher"] == teacher.digest
    assert student.about["languages"] == ["en", "hi"]


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_both_models_tag_text(done, name):
    model = load_labeller(done.folder / name)
    network = LabellingNetwork(model.params, model.config, model.vocabulary)
    with tiny_tagger_run.one_width():
        [line] = tag_lines(network, ["Ada lives in Pune."])
    assert line.words == ("Ada", "lives", "in", "Pune", ".")
    assert set(line.tags) <= set(model.config.labels)


def test_the_log_holds_every_stage_with_the_terms_that_it_learns(done):
    lines = (done.folder / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    terms = ("masked_ce", "hard_ce", "hidden_mse", "logit_mse")
    found = {}
    for row in rows:
        found.setdefault(row["stage"], set()).update(t for t in terms if t in row)
    assert found == {
        "teacher-masked": {"masked_ce"},
        "teacher-tagging": {"hard_ce"},
        STAGES[0]: {"hidden_mse"},
        STAGES[1]: {"logit_mse", "hard_ce"},
    }


def test_a_student_a_language_is_trained_in_stages_of_its_own(done, tmp_path):
    """By the teacher of the run before, which keeps its story."""
    overrides = [
        *OVERRIDES,
        "xtremedistil.student.strategy=D0",
        f"xtremedistil.teacher_folder={done.folder / 'teacher'}",
    ]
    folder, trained = tmp_path / "run", [[]]
    with tiny_run.small(trained), tiny_tagger_run.one_width():
        runs.run(CONFIG, overrides, folder, evaluate=False)
        assert trained == [["student-en-1-labels", "student-hi-1-labels"]]
        trained.append([])
        runs.run(CONFIG, overrides, folder, evaluate=False)
        assert trained[1] == []
    models = {p.name: load_labeller(p) for p in (folder / "students").iterdir()}
    assert set(models) == {"en", "hi"}
    assert models["en"].digest != models["hi"].digest
    given, kept = (load_labeller(f / "teacher") for f in (done.folder, folder))
    assert (kept.digest, kept.about) == (given.digest, given.about)
    assert not (folder / "cache").exists()


def test_another_teacher_is_refused_before_anything_is_lost(done, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(done.folder, folder)
    before = tiny_run.times(folder)
    overrides = [
        *OVERRIDES,
        f"xtremedistil.teacher_folder={done.folder / 'student'}",
        "xtremedistil.student.model.embedding=4",
    ]
    with (
        tiny_run.small([[]]),
        pytest.raises(
            ValueError, match=r"cache was made for something else: .*teacher"
        ),
    ):
        runs.run(CONFIG, overrides, folder, evaluate=False)
    after = tiny_run.times(folder)
    assert {n for n in before if after.get(n) != before[n]} <= {".lock"}
