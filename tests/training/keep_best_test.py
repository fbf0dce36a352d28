"""A stage ends with the best that it had, what it began with included."""

from __future__ import annotations

import pytest
import toy_run
from toy_run import bits, run, scripted, stopping_after

from epik_jax.training.stop import InterruptedRunError

BEST = {"validate_every": 3, "keep_best": True, "save_every": 100}


@pytest.mark.parametrize("lowest", [0.2, 0.0])
def test_a_stage_ends_with_the_best_validated_state(tmp_path, lowest):
    validate, seen = scripted([0.9, 0.5, lowest, 0.4, 0.3])
    assert bits(run(tmp_path, validate=validate, **BEST)) == seen[2]


def test_a_stage_that_only_harms_ends_as_it_began(tmp_path):
    validate, seen = scripted([0.1, 0.2, 0.3, 0.4, 0.5])
    state = run(tmp_path, validate=validate, **BEST)
    assert int(state.step) == 0 and len(seen) == 5
    assert bits(state) == bits(toy_run.state())


@pytest.mark.parametrize(("num_steps", "seen_before"), [(1, 1), (7, 3)])
def test_a_stage_that_only_harms_ends_as_it_began_after_a_stop_too(
    tmp_path, num_steps, seen_before
):
    costs = [0.1, 0.2, 0.3, 0.4, 0.5]
    first, seen = scripted(costs[:seen_before])
    with pytest.raises(InterruptedRunError):
        run(tmp_path, validate=first, **stopping_after(num_steps), **BEST)
    assert len(seen) == seen_before
    rest, seen = scripted(costs[seen_before:])
    state = run(tmp_path, validate=rest, **BEST)
    assert len(seen) == 5 - seen_before
    assert bits(state) == bits(toy_run.state())


@pytest.mark.parametrize("num_steps", [3, 12])
def test_of_equal_costs_a_trained_step_is_preferred_to_the_beginning(
    tmp_path, num_steps
):
    validate, seen = scripted([0.5, 0.5, 0.6, 0.7, 0.8])
    state = run(tmp_path, validate=validate, num_steps=num_steps, **BEST)
    assert bits(state) == seen[1]


def test_without_keep_best_a_stage_is_not_validated_before_its_first_step(tmp_path):
    validate, seen = scripted([0.1, 0.2, 0.3, 0.4])
    run(tmp_path, validate=validate, **{**BEST, "keep_best": False})
    assert len(seen) == 4 and seen[0] != bits(toy_run.state())


def test_of_equal_costs_a_stopped_run_takes_the_step_that_another_takes(tmp_path):
    costs = [0.9, 0.8, 0.7, 0.5, 0.5]
    straight = run(tmp_path / "a", validate=scripted(costs)[0], **BEST)
    with pytest.raises(InterruptedRunError):
        stopped = stopping_after(10)
        run(tmp_path / "b", validate=scripted(costs)[0], **stopped, **BEST)
    again = run(tmp_path / "b", validate=scripted(costs[4:])[0], **BEST)
    assert bits(again) == bits(straight)
