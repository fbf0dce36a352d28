"""The recipe from words to stages, with toys in the place of networks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from toy_networks import VOCABULARY, StandIn

from epik_jax import trees
from epik_jax.interop.export import ModelFolder, export_model
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes import epik, settings
from epik_jax.recipes.corpus import DataConfig, read_corpus
from epik_jax.recipes.epik import SMALL_FIELDS
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.run import EpikRun
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teachers.live import LiveSignals
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.stop import InterruptedRunError, StopFlag

CONFIG = f"{Path(__file__).parents[2]}/configs/epik.py"
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


@pytest.fixture
def at(tmp_path):
    return Workplace(
        tmp_path, make_mesh(1, 1), MetricLog(tmp_path / "metrics.jsonl"), Wish()
    )


class Runner:
    """Takes the place of what trains; keeps what it was given."""

    def __init__(self, monkeypatch):
        self.stages, self.lessons, self.validated = (), None, []
        self.teacher = None
        monkeypatch.setattr(epik, "train_matra", self.train_matra)
        monkeypatch.setattr(epik, "run_stages", self.run_stages)
        student_stage, validate = epik.student_stage, epik.make_validate

        def noted(stage, config, model, teacher, digest, lessons, corpus):
            self.lessons = lessons
            return student_stage(stage, config, model, teacher, digest, lessons, corpus)

        def looked_at(model, vocabulary, examples, num_validated):
            self.validated = examples
            return validate(model, vocabulary, examples, num_validated)

        monkeypatch.setattr(epik, "student_stage", noted)
        monkeypatch.setattr(epik, "make_validate", looked_at)

    def train_matra(self, config, corpus, at):
        self.teacher = StandIn(config.model.sized(VOCABULARY))
        return self.teacher

    def run_stages(self, stages, params, at):
        self.stages = stages
        return params


@pytest.fixture
def runner(monkeypatch):
    return Runner(monkeypatch)


def inputs(runner):
    return runner.stages[0].inputs


def test_the_strong_way_teaches_from_answers_and_back_translations(runner, at):
    trained = train_epik(config_of(), at)
    [stage] = runner.stages
    assert stage.name == "strong"
    assert {p.name for p in (at.folder / "cache").iterdir()} == {"transfer", "back"}
    transfer, back = runner.lessons.transfer, runner.lessons.gold["back"]
    assert len(transfer) == 3 * 4 * 3 and not any(e.targets for e in transfer)
    golds = {(e.source_lang, e.source) for e in trained.corpus.train}
    assert back and all((e.target_lang, e.targets[0]) in golds for e in back)
    # The teacher wrote the sources, and none of them is English.
    assert {e.source_lang for e in back} == {"hi", "ta", "kn", "bn"}
    written = {w for words in runner.teacher.words.values() for w in words}
    assert {e.source for e in back} <= written
    assert trained.bridge == {} and trained.teacher is runner.teacher
    assert trained.student.mesh is at.mesh
    batch = next(stage.batches(0))
    assert batch["labels"].shape[0] == 16


def test_the_cache_is_filled_once_for_all_runs(runner, at):
    train_epik(config_of(), at)
    files = {p: p.stat().st_mtime_ns for p in (at.folder / "cache").rglob("*")}
    train_epik(config_of(), at)
    assert runner.teacher.asked == []
    assert {p: p.stat().st_mtime_ns for p in files} == files


def test_filling_the_caches_alone_begins_no_student(runner, at):
    teacher = epik.fill_caches(config_of(), CORPUS, at)
    assert teacher is runner.teacher and runner.stages == ()
    train_epik(config_of(), at)
    assert runner.teacher.asked == [] and runner.stages


def test_without_a_teacher_nothing_is_asked_and_no_cache_is_made(runner, at):
    train_epik(config_of("baseline"), at)
    assert runner.teacher.asked == []
    assert not (at.folder / "cache").exists()
    assert runner.stages[0].name == "joined"


def test_live_signals_leave_the_large_ones_out_of_the_cache(runner, at):
    train_epik(config_of("faithful", "epik.live_signals=True"), at)
    cache = TeacherCache.open(at.folder / "cache" / "transfer", None)
    names = [field.name for field in cache.manifest.schema.fields]
    assert tuple(names) == SMALL_FIELDS
    assert isinstance(runner.lessons.signals, LiveSignals)
    live = next(runner.stages[0].batches(0))["signals"]
    at.folder.joinpath("cache").rename(at.folder / "live")
    train_epik(config_of("faithful"), at)
    assert isinstance(runner.lessons.signals, TeacherCache)
    cached = next(runner.stages[0].batches(0))["signals"]
    np.testing.assert_array_equal(live.log_probs, cached.log_probs)
    np.testing.assert_array_equal(live.hidden, cached.hidden)


@pytest.mark.parametrize(
    ("part", "override"),
    [
        ("imitation", "epik.student.stages[0].imitation.smoothing=0.3"),
        ("batches", "epik.student.stages[0].batches.seed=9"),
        ("data", "epik.student.stages[0].drop_share=0.5"),
        ("model", "epik.student.model.dropout=0.4"),
        ("start", "epik.student.seed=5"),
    ],
)
def test_a_checkpoint_knows_every_input_of_its_stage(runner, at, part, override):
    train_epik(config_of(), at)
    before = inputs(runner)
    train_epik(config_of("", override), at)
    changed = {name for name in before if before[name] != inputs(runner)[name]}
    assert changed == {part}


def test_a_checkpoint_knows_its_teacher(runner, at, monkeypatch):
    train_epik(config_of(), at)
    before, digest = inputs(runner), epik.network_digest(runner.teacher)
    assert before["teacher"] == digest
    table = runner.teacher.params["embedding"]
    moved = {**runner.teacher.params, "embedding": table + np.float32(1e-6)}
    other = StandIn(runner.teacher.config)
    other.params = moved
    assert epik.network_digest(other) != digest


def test_a_teacher_is_hashed_once_for_caches_and_stages(runner, at, monkeypatch):
    hashed = []
    digest = epik.network_digest
    monkeypatch.setattr(
        epik, "network_digest", lambda network: hashed.append(1) or digest(network)
    )
    train_epik(config_of(), at)
    assert len(list((at.folder / "cache").iterdir())) == 2 and len(hashed) == 1


def test_choices_look_at_direct_names_for_choosing_alone(runner, at):
    trained = train_epik(config_of(), at)
    assert runner.validated
    assert set(runner.validated) <= set(trained.corpus.names_choosing)
    assert not set(runner.validated) & set(trained.corpus.names)
    assert not any("en" in (e.source_lang, e.target_lang) for e in runner.validated)


def test_a_trained_teacher_is_taken_from_its_folder(runner, at, tmp_path, monkeypatch):
    config = config_of()
    given = StandIn(config.teacher.model.sized(VOCABULARY))
    about = {"recipe": "matra", "data": [], "command": "", "commit": ""}
    model = ModelFolder(given.params, given.config, VOCABULARY, about)
    export_model(model, tmp_path / "matra", bfloat16=False, card="")
    network = epik.load_network(tmp_path / "matra")
    assert network.follow_LVV.shape == (5, VOCABULARY.size, VOCABULARY.size)
    assert epik.network_digest(network) == epik.network_digest(given)
    meshes = []
    monkeypatch.setattr(
        epik, "load_network", lambda folder, mesh: meshes.append(mesh) or given
    )
    taken = dataclasses.replace(config, teacher_folder=str(tmp_path / "matra"))
    assert train_epik(taken, at).teacher is given
    assert runner.teacher is None and meshes == [at.mesh]


def test_a_missing_teacher_folder_is_named_before_anything_is_asked(runner, at):
    config = dataclasses.replace(config_of(), teacher_folder="nowhere/matra")
    with pytest.raises(FileNotFoundError, match="nowhere/matra is no model folder"):
        train_epik(config, at)


def test_a_bridge_is_handed_on_beside_the_student_not_within_it(runner, at):
    narrow = (
        "epik.student.start='random'",
        "epik.student.model.width=4",
        "epik.student.stages[0].trainable=('^student/encoder/', '^bridge/')",
    )
    trained = train_epik(config_of("faithful", *narrow), at)
    assert trained.bridge["hidden"]["kernel"].shape == (4, 8)
    paths = list(trees.flatten(trained.student.params))
    assert paths and not any("bridge" in path for path in paths)
    assert trained.student.config.width == 4


@pytest.mark.parametrize(
    ("way", "override", "message"),
    [
        ("faithful", "wanted.log_probs=False", "soft_kl needs transfer.wanted.log"),
        ("faithful", "wanted.hidden=none", "'pooled' needs .* to be pooled or all"),
        ("slots", "wanted.hidden=pooled", "'slots' needs .* to be all"),
        ("positional", "wanted.hidden=pooled", "'positional' needs .* to be all"),
        ("", "teacher_share=3", "teacher_share 3.0 is not in"),
        ("", "num_shards=0", "num_shards is 0, expected 1 or more"),
        ("", "wanted.num_hypotheses=0", "num_hypotheses is 0, expected 1 or more"),
    ],
)
def test_signals_that_nobody_keeps_are_missed_before_anything_is_asked(
    way, override, message
):
    with pytest.raises(ValueError, match=message):
        config_of(way, f"epik.transfer.{override}")


def test_a_wish_to_stop_is_heard_while_the_teacher_is_asked(runner, at):
    at.stop.asked = True
    with pytest.raises(InterruptedRunError, match="while the teacher was asked"):
        train_epik(config_of(), at)
    at.stop.asked = False
    train_epik(config_of(), at)
    assert runner.stages


def test_answers_stand_in_the_order_of_the_examples(runner, at):
    # The cache is sorted by key, the examples are not.
    train_epik(config_of("sequence"), at)
    lessons, words = runner.lessons, runner.teacher.words
    tokens = lessons.answers["tokens"]
    for i, example in enumerate(lessons.transfer):
        answer = VOCABULARY.decode(tokens.row(i).tolist())
        assert answer in words[example.target_lang]
