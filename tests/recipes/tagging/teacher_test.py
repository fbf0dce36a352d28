"""The teacher guesses hidden pieces first, then learns tags, and names its inputs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_tagging
from toy_tagging import BATCHES, LABELS, PIECES

from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.recipes.tagging import teacher as teachers
from epik_jax.recipes.tagging.corpus import TaggedDataConfig
from epik_jax.recipes.tagging.teacher import train_teacher
from epik_jax.recipes.tagging.teacher_config import (
    TeacherConfig,
)
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

LEG = LegConfig(BATCHES, OptimizerConfig(), LoopConfig(2))
CONFIG = TeacherConfig(EncoderConfig(8, 2, 16, 1, toy_tagging.WIDTH), LEG, LEG, 2)


@pytest.fixture
def begun(monkeypatch):
    """Trains nothing; keeps the stages and parameters that training was given."""
    given = []

    def run_stages(stages, params, at):
        given.append((stages, params))
        for stage in stages:
            params = stage.carry_over(params)
        return params

    monkeypatch.setattr(teachers, "run_stages", run_stages)
    return given


def trained(at, config=CONFIG, corpus=None):
    corpus = corpus or toy_tagging.corpus()
    return train_teacher(config, corpus, TaggedDataConfig(), PIECES, at)


def test_hidden_pieces_are_guessed_in_all_text_and_tags_learnt_where_they_are(
    begun, at
):
    trained(at)
    [(stages, params)] = begun
    masked, tagging = stages
    assert (masked.name, tagging.name) == ("teacher-masked", "teacher-tagging")
    seen = [set(), set()]
    for found, stage in zip(seen, stages, strict=True):
        stream = stage.batches(0)
        for _ in range(12):
            batch = next(stream)
            found.update(batch["token_mask"].sum(axis=1).tolist())
            if stage is tagging:
                assert batch["label_mask"].any(axis=1).all()
    assert seen[0] > seen[1]
    assert set(params) == {"student", "bridge"}


def test_the_head_lies_still_while_pieces_are_guessed_and_then_all_moves(begun, at):
    trained(at)
    [(stages, _)] = begun
    assert not any("head" in pattern for pattern in stages[0].trainable)
    assert stages[1].trainable == ("^student/",)


def test_tags_are_learnt_without_the_bridge(begun, at):
    network = trained(at)
    [((masked, tagging), params)] = begun
    assert masked.carry_over(params) is params
    assert set(tagging.carry_over(params)) == {"student"}
    assert set(network.params) == {"transformer", "head"}
    assert network.config.labels == LABELS and network.mesh is at.mesh


def test_without_guessing_there_is_one_stage_and_no_bridge(begun, at):
    trained(at, dataclasses.replace(CONFIG, masked=None))
    [(stages, params)] = begun
    assert [stage.name for stage in stages] == ["teacher-tagging"]
    assert set(params) == {"student"}


def test_stages_are_known_by_their_sentences(begun, at):
    trained(at)
    trained(at)
    trained(at, corpus=toy_tagging.corpus(num_tagged=6))
    dev = {"toy/en": toy_tagging.SENTENCES[:2]}
    trained(at, corpus=dataclasses.replace(toy_tagging.corpus(), dev=dev))
    first, again, fewer, other = (stages for stages, _ in begun)
    assert [s.inputs for s in first] == [s.inputs for s in again]
    assert first[1].inputs != fewer[1].inputs
    # The same text, whoever tagged it, is guessed alike.
    assert first[0].inputs == fewer[0].inputs == other[0].inputs
    assert first[1].validated == again[1].validated != other[1].validated


def test_pieces_go_unseen_while_tags_are_learnt_alone(begun, at):
    trained(at)
    trained(at, dataclasses.replace(CONFIG, piece_dropout=0.5))
    (whole, _), (dropped, _) = begun
    batches = [[next(stage.batches(0)) for stage in some] for some in (whole, dropped)]
    (guessed, tagged), (same, seen) = batches
    np.testing.assert_array_equal(guessed["tokens"], same["tokens"])
    np.testing.assert_array_equal(tagged["labels"], seen["labels"])
    unknown = seen["tokens"] == PIECES.unk_id
    assert unknown.sum() > (tagged["tokens"] == PIECES.unk_id).sum()
    assert (seen["tokens"] == tagged["tokens"])[~unknown].all()
    assert whole[0].inputs == dropped[0].inputs
    assert whole[1].inputs != dropped[1].inputs


def test_drawn_parameters_follow_the_seed(begun, at):
    for seed in (0, 0, 1):
        trained(at, dataclasses.replace(CONFIG, seed=seed))
    tables = [p["student"]["transformer"]["embedding"] for _, p in begun]
    np.testing.assert_array_equal(tables[0], tables[1])
    assert (tables[0] != tables[2]).any()


def test_batches_of_another_width_than_the_network_are_refused():
    short = dataclasses.replace(LEG, batches=RowBatchConfig(4, (8, 16)))
    for changes in ({"masked": short}, {"tagging": short}):
        with pytest.raises(ValueError, match="hold 16 pieces, the network 64"):
            dataclasses.replace(CONFIG, **changes)
