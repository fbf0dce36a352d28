"""The recipe from words to stages, with toys in the place of networks."""

from __future__ import annotations

import dataclasses
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from toy_epik import CORPUS, config_of, train_epik
from toy_networks import VOCABULARY, StandIn

from epik_jax import trees
from epik_jax.recipes.transliteration import epik, teaching, transfer
from epik_jax.recipes.transliteration.networks import network_digest
from epik_jax.recipes.transliteration.teaching import SMALL_FIELDS
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teachers.live import LiveSignals
from epik_jax.training.stop import InterruptedRunError


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


def test_a_back_translation_that_reads_a_word_held_out_is_left_out(runner, at):
    held = {"names": frozenset({"ராமன்"})}
    epik.train_epik(config_of(), dataclasses.replace(CORPUS, held=held), at)
    sources = {e.source for e in runner.lessons.gold["back"]}
    assert sources and "ராமன்" not in sources


def test_back_translations_do_not_depend_on_how_the_chain_is_asked(runner, at):
    train_epik(config_of(), at)
    files = {p: p.stat().st_mtime_ns for p in (at.folder / "cache/back").rglob("*")}
    shutil.rmtree(at.folder / "cache" / "transfer")
    train_epik(config_of("", "epik.transfer.crowd.rerank_weight=3.0"), at)
    assert files == {p: p.stat().st_mtime_ns for p in files}


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
    before, digest = inputs(runner), network_digest(runner.teacher)
    assert before["teacher"] == digest
    table = runner.teacher.params["embedding"]
    moved = {**runner.teacher.params, "embedding": table + np.float32(1e-6)}
    other = StandIn(runner.teacher.config)
    other.params = moved
    assert network_digest(other) != digest


def test_a_teacher_is_hashed_once_for_caches_and_stages(runner, at, monkeypatch):
    hashed = []
    monkeypatch.setattr(
        teaching,
        "network_digest",
        lambda network: hashed.append(1) or network_digest(network),
    )
    train_epik(config_of(), at)
    assert len(list((at.folder / "cache").iterdir())) == 2 and len(hashed) == 1


def test_choices_look_at_direct_names_for_choosing_alone(runner, at):
    trained = train_epik(config_of(), at)
    assert runner.validated
    assert set(runner.validated) <= set(trained.corpus.names_choosing)
    assert not set(runner.validated) & set(trained.corpus.names)
    assert not any("en" in (e.source_lang, e.target_lang) for e in runner.validated)


def test_a_stage_names_the_names_that_it_is_validated_on(runner, at):
    digests = []
    for num_validated in (12, 12, 3):
        train_epik(config_of("", f"epik.num_validated={num_validated}"), at)
        digests.append(runner.stages[0].validated)
        assert len(runner.validated) == num_validated
    assert digests[0] == digests[1] != digests[2]


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


@pytest.mark.parametrize(
    ("way", "overrides", "message"),
    [
        ("", ["start='teacher'", "model.width=4"], "set student.start to 'random'"),
        ("faithful", ["start='random'", "model.width=4"], "name the bridge"),
        (
            "faithful",
            ["model.shared_embedding=True"],
            "stage imitation: trainable: pattern .*encoder_embedding",
        ),
    ],
)
def test_a_student_that_cannot_start_is_missed_before_anything_is_trained(
    runner, at, way, overrides, message
):
    config = config_of(way, *(f"epik.student.{o}" for o in overrides))
    for begin in (epik.train_epik, epik.fill_caches):
        with pytest.raises(ValueError, match=message):
            begin(config, CORPUS, at)
    assert runner.teacher is None and not (at.folder / "cache").exists()


def test_a_wish_to_stop_is_heard_while_the_teacher_is_asked(runner, at):
    at.stop.asked = True
    with pytest.raises(InterruptedRunError, match="while the teacher was asked"):
        train_epik(config_of(), at)
    at.stop.asked = False
    train_epik(config_of(), at)
    assert runner.stages


def test_answers_stand_in_the_order_of_the_examples(runner, at):
    # The cache is sorted by key, the examples are not.
    config = config_of("sequence")
    train_epik(config, at)
    examples, tokens = runner.lessons.transfer, runner.lessons.answers["tokens"]
    chain = transfer.two_stage_chain(runner.teacher, config.transfer, {})
    said = [row[0].text for row in chain.transliterate(examples)]
    assert [VOCABULARY.decode(tokens.row(i).tolist()) for i in range(len(said))] == said


def test_distributions_over_many_pieces_are_not_cached():
    pieces = "epik.teacher.vocabulary={'kind': 'sentencepiece', 'size': %d}"
    with pytest.raises(ValueError, match=r"log_probs .* 1024 tokens at most; .* 2000"):
        config_of("faithful", pieces % 2000)
    config_of("faithful", pieces % 400)
    config_of("faithful", pieces % 2000, "epik.live_signals=True")
    config_of("sequence", pieces % 2000)


def test_distributions_over_a_given_teacher_s_many_pieces_are_not_cached(
    at, monkeypatch
):
    many = SimpleNamespace(vocabulary=SimpleNamespace(size=2000))
    monkeypatch.setattr(epik, "load_network", lambda folder, mesh: many)
    config = config_of("faithful", "epik.teacher_folder=given")
    with pytest.raises(ValueError, match="here there are 2000"):
        train_epik(config, at)
