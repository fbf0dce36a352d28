"""A teacher is asked once; what it said is kept, and of nothing else."""

from __future__ import annotations

import dataclasses
import itertools
import logging

import numpy as np
import pytest
from toy_networks import VOCABULARY, ToyNetwork
from toy_teacher import ROMANISATIONS

from epik_jax.ragged import Ragged
from epik_jax.recipes import caching
from epik_jax.recipes.caching import fill_cache
from epik_jax.recipes.transliteration import transfer
from epik_jax.recipes.transliteration.transfer import TransferConfig
from epik_jax.teacher_cache.manifest import FILE_NAME
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teacher_cache.schema import Block, Field, Schema
from epik_jax.teacher_cache.tfrecord import CorruptShardError
from epik_jax.teachers.advice import CrowdConfig
from epik_jax.teachers.signals import TransliterationTeacher, Wanted
from epik_jax.training.stop import InterruptedRunError

CONFIG = TransferConfig(num_shards=3, wanted=Wanted(num_hypotheses=2), beam_width=2)


def teacher(config=CONFIG, network=None):
    network = network or ToyNetwork()
    pivots = transfer.known_pivots(list(ROMANISATIONS), ROMANISATIONS, config)
    chain = transfer.two_stage_chain(network, config, pivots)
    return TransliterationTeacher(chain, VOCABULARY, config.crowd, config.wanted)


def fill(folder, config=CONFIG, network=None, digest="n0", check=lambda: None):
    examples = transfer.transfer_examples(ROMANISATIONS)
    return filled(folder, examples, config, network, digest, check)


def filled(folder, examples, config, network, digest, check):
    answering = teacher(config, network)
    parts = transfer.fingerprint(answering, examples, config, digest)
    return fill_cache(folder, answering, examples, parts, config.num_shards, check)


def test_a_cache_holds_what_the_teacher_says_of_every_example(tmp_path):
    cache = fill(tmp_path)
    examples = transfer.transfer_examples(ROMANISATIONS)
    block = teacher().block(examples)
    joined = cache.join(block.keys, block.digests)
    for name, values in block.arrays.items():
        got = joined[name]
        if name in ("tokens", "token_lengths", "scores"):
            np.testing.assert_array_equal(got.offsets, values.offsets)
            got, values = got.values, values.values
        np.testing.assert_array_equal(got, values)


def test_a_finished_cache_is_opened_without_asking_the_teacher(tmp_path):
    fill(tmp_path)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    network = ToyNetwork()
    assert len(fill(tmp_path, network=network)) == 15
    assert network.asked == []
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_a_lost_shard_is_asked_for_again_and_nothing_else(tmp_path):
    whole = fill(tmp_path)
    shard = sorted(tmp_path.glob("*tfrecord*"))[1]
    content = shard.read_bytes()
    shard.unlink()
    fill(tmp_path)
    assert shard.read_bytes() == content
    assert len(fill(tmp_path)) == len(whole)


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("teacher", {"digest": "n1"}),
        ("encoding", {"config": dataclasses.replace(CONFIG, length_penalty=0.3)}),
        ("encoding", {"config": dataclasses.replace(CONFIG, beam_width=3)}),
        ("pivots", {"config": dataclasses.replace(CONFIG, teacher_share=0.9)}),
        (
            "schema",
            {"config": dataclasses.replace(CONFIG, wanted=Wanted(2, hidden="pooled"))},
        ),
        (
            "table",
            {
                "config": dataclasses.replace(
                    CONFIG, crowd=CrowdConfig("builtin", rerank_weight=1.0)
                )
            },
        ),
    ],
    ids=["teacher", "penalty", "beam", "pivots", "schema", "table"],
)
def test_a_cache_of_other_settings_is_refused_naming_the_part(tmp_path, part, changed):
    fill(tmp_path)
    with pytest.raises(ValueError, match=rf"made for something else: .*\b{part} \("):
        fill(tmp_path, **changed)


def test_a_cache_of_other_words_is_refused(tmp_path):
    fill(tmp_path)
    examples = transfer.transfer_examples(list(ROMANISATIONS)[:4])
    with pytest.raises(ValueError, match=r"data \("):
        filled(tmp_path, examples, CONFIG, None, "n0", lambda: None)


def test_a_stop_between_blocks_leaves_whole_shards_to_go_on_from(tmp_path):
    asked = []

    def stop_at_the_second_shard():
        asked.append(1)
        if len(asked) == 2:
            raise InterruptedRunError("stopped")

    with pytest.raises(InterruptedRunError):
        fill(tmp_path, check=stop_at_the_second_shard)
    with pytest.raises(ValueError, match="unfinished"):
        TeacherCache.open(tmp_path, None)
    kept = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*tfrecord*")}
    assert len(kept) == 1
    assert len(fill(tmp_path)) == 15
    for name, when in kept.items():
        assert (tmp_path / name).stat().st_mtime_ns == when
    assert (tmp_path / FILE_NAME).exists()


def test_a_damaged_shard_is_named_and_made_anew_once_it_is_deleted(tmp_path):
    whole = fill(tmp_path)
    shard = sorted(tmp_path.glob("*tfrecord*"))[1]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(CorruptShardError, match=rf"{shard.name}.*Delete that file"):
        fill(tmp_path)
    shard.unlink()
    assert len(fill(tmp_path)) == len(whole)


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_manifest_is_told_with_what_to_do(tmp_path, text):
    fill(tmp_path)
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ValueError, match=rf"{FILE_NAME}.*Delete {tmp_path}, and"):
        fill(tmp_path)


def test_filling_tells_how_far_it_is(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(caching, "_ASKED_TOGETHER", 2)
    monkeypatch.setattr(caching, "_SECONDS_BETWEEN_LINES", 0.0)
    with caplog.at_level(logging.INFO):
        fill(tmp_path)
    lines = [m for m in caplog.messages if " examples/s  ETA " in m]
    assert len(lines) == 9 and " 15 of 15 examples  " in lines[-1]


def test_filling_counts_what_other_processes_were_answered(
    tmp_path, caplog, monkeypatch
):
    rounds = iter(range(100))

    def with_one_that_is_faster(numbers):
        return np.array([numbers, [1, 5 * next(rounds)]])

    monkeypatch.setattr(caching.processes, "gathered", with_one_that_is_faster)
    monkeypatch.setattr(caching, "_SECONDS_BETWEEN_LINES", 0.0)
    with caplog.at_level(logging.INFO):
        fill(tmp_path)
    lines = [m for m in caplog.messages if " examples/s  ETA " in m]
    told = [int(line.split()[2]) for line in lines]
    assert told == [5, 5 + 10, 10 + 15]


HIDDEN = Field("hidden", "float32", (2,), ragged=True, storage="int8")
POOLED = Field("pooled", "float32", (2,), storage="int8")
SCORES = Field("scores", "float32", (2,))


def test_what_eight_bits_lose_is_known_before_it_is_stored():
    # 1 of 127 steps is 2: 3 becomes 2 or 4, 254 and -254 stay; rows of 0 lose nothing.
    values = np.array([[254, 3], [-254, 254], [0, 0]], np.float32)
    lost = 1 / (3 * 254**2 + 3**2) ** 0.5
    keys = np.arange(3, dtype=np.uint64)
    arrays = {
        "hidden": Ragged.from_lengths(values, np.array([2, 0, 1])),
        "pooled": values * np.float32(1e-3),
        "scores": values,
    }
    schema = Schema((HIDDEN, POOLED, SCORES))
    found = caching.rounding_errors(schema, Block(keys, keys, arrays))
    assert found == {
        "hidden": pytest.approx(lost, rel=1e-5),
        "pooled": pytest.approx(lost, rel=1e-4),
    }


def test_states_that_are_all_0_lose_nothing():
    keys = np.arange(1, dtype=np.uint64)
    block = Block(keys, keys, {"pooled": np.zeros((1, 2), np.float32)})
    assert caching.rounding_errors(Schema((POOLED,)), block) == {"pooled": 0.0}


def test_what_eight_bits_lose_is_told_where_they_are_used(tmp_path, caplog):
    for storage, said in (("int8", True), ("exact", False)):
        caplog.clear()
        wanted = Wanted(2, hidden="all", hidden_storage=storage)
        with caplog.at_level(logging.INFO):
            fill(tmp_path / storage, dataclasses.replace(CONFIG, wanted=wanted))
        assert ("in int8 are off by" in caplog.text) == said


@pytest.mark.parametrize("lost", [[0], [1], [1, 2], [0, 2]])
def test_going_on_counts_what_is_kept_as_there_and_not_for_the_speed(
    tmp_path, caplog, monkeypatch, lost
):
    fill(tmp_path)
    shards = sorted(tmp_path.glob("*tfrecord*"))
    for place in lost:
        shards[place].unlink()
    clock = itertools.count()  # A second passes between any two looks at it.
    monkeypatch.setattr(caching.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(caching, "_SECONDS_BETWEEN_LINES", 0.0)
    with caplog.at_level(logging.INFO):
        fill(tmp_path)
    lines = [m for m in caplog.messages if " examples/s  ETA " in m]
    kept = 15 - 5 * len(lost)
    assert lines == [
        f"cache {tmp_path.name}: {kept + 5 * n} of 15 examples  5 examples/s  "
        f"ETA 0:{len(lost) - n:02d}"
        for n in range(1, len(lost) + 1)
    ]
