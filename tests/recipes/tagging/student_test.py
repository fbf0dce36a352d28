"""A student's settings share out its steps, and refuse what means nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_tagging
from toy_tagging import BILSTM, LABELS

from epik_jax.bounds import LARGEST_SEED, LARGEST_WIDTH
from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.recipes.tagging.strategies import STRATEGIES
from epik_jax.recipes.tagging.student import BilstmConfig
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig, make_schedule


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_stages_share_the_steps_and_none_goes_without(strategy):
    for num_steps in (1, 1000):
        config = toy_tagging.student(strategy=strategy, loop=LoopConfig(num_steps))
        steps = [config.loop_of(stage).num_steps for stage in config.sub_stages]
        assert min(steps) >= 1
        if num_steps == 1000:
            assert sum(steps) == pytest.approx(1000, abs=len(steps))


def test_a_student_is_as_wide_as_the_teacher_where_its_projection_is_shipped():
    teacher = toy_tagging.network().config
    shipped = BilstmConfig(4, 5).sized(9, teacher, 2)
    assert (shipped.projection, shipped.vocab_size) == (8, 9)
    assert (shipped.labels, shipped.max_length) == (LABELS, toy_tagging.WIDTH)
    assert BilstmConfig(4, 5, "bridge").sized(9, teacher, 2).projection == 0
    small = BILSTM
    assert BilstmConfig(4, 5).sized(9, small, 0).projection == BILSTM.embedding


def rates(num_steps, cycles, warmup=10):
    optimizer = OptimizerConfig(0.1, "cosine", warmup_steps=warmup, final_share=0.01)
    config = toy_tagging.student(
        strategy="D0", loop=LoopConfig(num_steps), optimizer=optimizer, cycles=cycles
    )
    [stage] = config.sub_stages
    schedule = make_schedule(config.scheduled(stage), num_steps)
    return np.array([float(schedule(n)) for n in range(num_steps)])


@pytest.mark.parametrize("num_steps", [70, 100, 101, 107])
@pytest.mark.parametrize("cycles", [2, 3])
def test_a_stage_has_as_many_cycles_as_were_asked_for_and_ends_low(num_steps, cycles):
    found = rates(num_steps, cycles)[num_steps // 10 :]
    begins = [0, *(np.flatnonzero(np.diff(found) > 0) + 1)]
    assert len(begins) == cycles
    np.testing.assert_allclose(
        found[begins], 0.1 * 0.97 ** np.arange(cycles), rtol=1e-5
    )
    lengths = np.diff([*begins, len(found)])
    assert np.abs(lengths[1:] - 2 * lengths[:-1]).max() <= 7
    assert found[-1] < 0.02 * 0.1 * 2


def test_one_cycle_is_the_schedule_as_it_was_set():
    config = toy_tagging.student(loop=LoopConfig(1000))
    for stage in config.sub_stages:
        assert config.scheduled(stage) == config.optimizer


def test_short_stages_warm_up_and_are_validated_in_proportion():
    config = toy_tagging.student(
        loop=LoopConfig(4800, validate_every=50, patience=5),
        optimizer=OptimizerConfig(warmup_steps=100),
    )
    for stage in config.sub_stages:
        loop, warmup = config.loop_of(stage), config.scheduled(stage).warmup_steps
        assert loop.num_steps // loop.validate_every >= 12
        assert warmup == min(100, loop.num_steps // 10)
        assert loop.validate_every == min(50, loop.num_steps // 12)
        assert loop.patience == 5
    never = toy_tagging.student(loop=LoopConfig(4800))
    assert never.loop_of(never.sub_stages[0]).validate_every == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": -1}, "layer is -1"),
        (
            {"batches": RowBatchConfig(4, (toy_tagging.WIDTH,), seed=3)},
            r"batches\.seed is 3",
        ),
        ({"num_held_out": 0}, "num_held_out is 0"),
        ({"num_validated": 0}, "num_validated is 0"),
        ({"cycles": 0}, "cycles"),
        ({"seed": -1}, "seed"),
        ({"weights": (1.0, 0.0, 1.0)}, "weights of logits is 0.0, not above 0"),
        ({"weights": (1.0, 1.0, float("nan"))}, "weights of labels is nan"),
        ({"shares": (-1.0, 1.0, 1.0)}, "shares of representation is -1.0"),
        ({"optimizer": OptimizerConfig(schedule="sgdr", restart_period=9)}, "cycles"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(toy_tagging.student(), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding": 0}, "embedding is 0"),
        ({"hidden": -3}, "hidden is -3"),
        ({"hidden": LARGEST_WIDTH + 1}, f"hidden is {LARGEST_WIDTH + 1}"),
        ({"dropout": 1.0}, "dropout 1.0 is neither 0 nor in"),
        ({"dropout": -0.1}, "dropout -0.1 is neither"),
        ({"recurrent_dropout": 0.001}, "recurrent_dropout 0.001 is neither"),
    ],
)
def test_sizes_and_rates_are_refused_before_any_teacher_is_there(changes, message):
    with pytest.raises(ValueError, match=message):
        BilstmConfig(**changes)
    assert BilstmConfig(LARGEST_WIDTH, 1, dropout=0.0, recurrent_dropout=1 / 256)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": 3}, "student.layer is 3, and the teacher has 2 above"),
        (
            {"model": BilstmConfig(9, 5)},
            "embedding is 9, and the teacher's have 8 .* student.start 'random'",
        ),
        (
            {"batches": RowBatchConfig(4, (8, 63))},
            "widest batches hold 63 pieces, and the teacher reads 64",
        ),
    ],
)
def test_a_student_is_refused_that_its_teacher_cannot_teach(changes, message):
    teacher = toy_tagging.ENCODER
    with pytest.raises(ValueError, match=message):
        toy_tagging.student(**changes).demand_teachable(teacher)
    # Just what there is will do, and drawn embeddings may be of any width.
    for model, start in ((BilstmConfig(8, 5), "svd"), (BilstmConfig(9, 5), "random")):
        config = toy_tagging.student(layer=2, model=model, start=start)
        config.demand_teachable(teacher)


def test_every_stage_of_every_student_has_a_seed_of_its_own():
    for strategy in STRATEGIES:
        two = (toy_tagging.student(strategy=strategy, seed=n) for n in (1, 2))
        seeds = [config.seed_of(stage) for config in two for stage in config.sub_stages]
        assert len(set(seeds)) == len(seeds)
        assert all(0 <= seed <= LARGEST_SEED for seed in seeds)
