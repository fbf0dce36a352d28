"""Log lines: what time they count, when they are written, when they end a run."""

from __future__ import annotations

import json
import logging

import pytest
import toy_run

from epik_jax.recipes.provenance import trained_seconds
from epik_jax.training import window
from epik_jax.training.checkpoint import Checkpoints
from epik_jax.training.stop import InterruptedRunError


class Clock:
    """Time that passes only where a test says so."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(window, "monotonic", lambda: self.now)

    def taking(self, seconds, call):
        def slow(*given, **options):
            self.now += seconds
            return call(*given, **options)

        return slow


def lines(folder):
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [row for row in rows if "loss" in row]


def test_validating_and_saving_count_as_neither_speed_nor_time_left(
    tmp_path, monkeypatch, caplog
):
    clock = Clock(monkeypatch)
    monkeypatch.setattr(Checkpoints, "save", clock.taking(10.0, Checkpoints.save))
    with caplog.at_level(logging.INFO):
        toy_run.run(
            tmp_path,
            step=clock.taking(0.5, toy_run.step()),
            validate=clock.taking(100.0, lambda state: {"cost": 1.0}),
            validate_every=6,
        )
    rows = lines(tmp_path)
    assert [row["step"] for row in rows] == [3, 6, 9, 12]
    assert [row["window_seconds"] for row in rows] == [1.5] * 4
    assert [row["examples_per_second"] for row in rows] == pytest.approx([8.0] * 4)
    told = [r.getMessage() for r in caplog.records if " ETA " in r.getMessage()]
    assert [line.split()[-1] for line in told] == ["0:04", "0:03", "0:01", "0:00"]
    # Saved after 4, 6 and 8, validated after 6 and 12 before these lines.
    assert [row["outside_seconds"] for row in rows] == [0.0, 110.0, 20.0, 100.0]


def test_a_stage_that_patience_ends_loses_no_window(tmp_path, monkeypatch):
    clock = Clock(monkeypatch)
    costs = iter([0.5, 0.6, 0.7])
    toy_run.run(
        tmp_path,
        step=clock.taking(0.5, toy_run.step()),
        validate=lambda state: {"cost": next(costs)},
        **{"validate_every": 2, "patience": 1, "log_every": 3},
    )
    assert [row["step"] for row in lines(tmp_path)] == [3, 4]
    assert trained_seconds(lines(tmp_path)) == 2.0


def test_a_stopped_run_loses_no_window(tmp_path, monkeypatch):
    clock, wish = Clock(monkeypatch), toy_run.Wish()

    def step(state, batch):
        wish.asked = int(state.step) == 4
        return toy_run.step()(state, batch)

    slow = clock.taking(0.5, step)
    with pytest.raises(InterruptedRunError):
        toy_run.run(tmp_path, step=slow, stop=wish)
    assert [row["step"] for row in lines(tmp_path)] == [3, 5]
    toy_run.run(tmp_path, step=slow, stop=wish)
    assert [row["step"] for row in lines(tmp_path)] == [3, 5, 6, 9, 12]
    assert trained_seconds(lines(tmp_path)) == 6.0


@pytest.mark.parametrize(
    ("bad", "log_every", "said"),
    [
        (range(5, 35), 40, "30 updates in a row were not finite by step 40"),
        (range(5, 34), 10, "25 updates in a row were not finite by step 30"),
        (range(8, 28), 40, "20 updates in a row were not finite by step 40"),
    ],
)
def test_a_long_run_of_bad_updates_ends_a_run_though_good_ones_follow(
    tmp_path, bad, log_every, said
):
    lengths = {"num_steps": 40, "log_every": log_every, "save_every": 100}
    with pytest.raises(FloatingPointError, match=f"toy: {said}"):
        toy_run.run(tmp_path, batches=toy_run.bad_at(bad), **lengths)


def test_many_bad_updates_that_do_not_follow_each_other_end_no_run(tmp_path):
    bad = {*range(5, 24), *range(25, 39)}
    lengths = {"num_steps": 40, "log_every": 20, "save_every": 100}
    toy_run.run(tmp_path, batches=toy_run.bad_at(bad), **lengths)
    assert [row["skipped_updates"] for row in lines(tmp_path)] == [15, 33]
