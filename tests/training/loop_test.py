"""The loop: resuming bit by bit, stopping, bad numbers, patience."""

import dataclasses
import itertools
import json
import threading
import time

import jax
import numpy as np
import pytest
import toy_run
from toy_run import bits, run, scripted, stopping_after

from epik_jax.means import Mean
from epik_jax.training.checkpoint import Checkpoints
from epik_jax.training.loop import LoopConfig
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.stop import InterruptedRunError


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run that nothing disturbed: its folder and the bits that it ended with."""
    folder = tmp_path_factory.mktemp("straight")
    return folder, bits(run(folder))


def _rows(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    volatile = ["time", "examples_per_second", "window_seconds", "outside_seconds"]
    return [{k: v for k, v in row.items() if k not in volatile} for row in rows]


def _newest(folder):
    with Checkpoints(folder / "checkpoints") as checkpoints:
        step = checkpoints.newest()
        return step, step and checkpoints.restore(step, toy_run.state())


@pytest.mark.parametrize("num_steps", [1, 5, 8, 11])
def test_a_stopped_and_resumed_run_ends_as_one_that_was_not(
    straight, tmp_path, num_steps
):
    with pytest.raises(InterruptedRunError, match=f"toy: .* step {num_steps}, saved"):
        run(tmp_path, **stopping_after(num_steps))
    assert _newest(tmp_path)[0] == num_steps
    assert bits(run(tmp_path)) == straight[1]


def test_a_run_that_died_between_checkpoints_ends_as_one_that_did_not(
    straight, tmp_path
):
    def dying(start):
        yield from itertools.islice(toy_run.batches(start), 7)
        raise ConnectionError("the disk with the data is gone")

    with pytest.raises(ConnectionError, match="the disk with the data is gone"):
        run(tmp_path, batches=dying)
    assert _newest(tmp_path)[0] == 4
    assert bits(run(tmp_path)) == straight[1]
    # The line at 6 covers what came after the checkpoint alone.
    ours, theirs = _rows(tmp_path), _rows(straight[0])
    assert [row["step"] for row in ours] == [3, 6, 9, 12]
    assert [ours[n] for n in (0, 2, 3)] == [theirs[n] for n in (0, 2, 3)]


@pytest.mark.parametrize("spared", ["seal", "data"])
def test_a_damaged_last_checkpoint_costs_its_steps_and_nothing_else(
    straight, tmp_path, spared
):
    run(tmp_path)
    step = tmp_path / "checkpoints" / "12"
    if spared == "data":
        (step / "SEAL.json").unlink()
    else:
        largest = max(step.rglob("*"), key=lambda path: path.stat().st_size)
        largest.write_bytes(largest.read_bytes()[:-1])
    calls = []

    def counted(state, batch):
        calls.append(int(state.step))
        return toy_run.step()(state, batch)

    assert bits(run(tmp_path, step=counted)) == straight[1]
    assert calls == [8, 9, 10, 11]
    assert _newest(tmp_path)[0] == 12


@dataclasses.dataclass
class _LateWish:
    """A stop flag whose signal comes right after it was read `unasked` times."""

    unasked: int

    @property
    def asked(self):
        self.unasked -= 1
        return self.unasked < 0


@pytest.mark.parametrize("unasked", range(5))
def test_a_stop_at_any_moment_of_a_step_is_saved_before_it_is_obeyed(tmp_path, unasked):
    with pytest.raises(InterruptedRunError) as caught:
        run(tmp_path, stop=_LateWish(unasked), save_every=100)
    assert f"step {_newest(tmp_path)[0]}, saved" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"log_every": 0}, "log_every is 0, expected 1 or more"),
        ({"save_every": -1}, "save_every is -1"),
        ({"num_steps": 0}, "num_steps is 0"),
        ({"validate_every": -1}, "validate_every is -1, expected 0 or more"),
        ({"keep_best": True}, "need a validate_every"),
        ({"patience": 2}, "need a validate_every"),
    ],
)
def test_intervals_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        LoopConfig(**{"num_steps": 3, **changes})


def test_a_batch_that_does_not_lie_on_the_devices_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="Disallowed host-to-device transfer"):
        run(tmp_path, place=lambda batch: batch)


def test_a_term_that_counted_nothing_is_absent_from_the_log(tmp_path):
    def counting(state, batch):
        state, means = toy_run.step()(state, batch)
        none = jax.device_put(np.float32(0))
        late = int(state.step) > 6
        return state, {**means, "rare": means["loss"] if late else Mean(none, none)}

    run(tmp_path, step=counting)
    logged = {row["step"]: "rare" in row for row in _rows(tmp_path)}
    assert logged == {3: False, 6: False, 9: True, 12: True}


def test_a_finished_run_that_is_started_again_trains_nothing(straight):
    def never(state, batch):
        raise AssertionError("a step was made")

    assert bits(run(straight[0], step=never)) == straight[1]


def test_a_log_line_holds_the_mean_over_the_elements_since_the_last_one(straight):
    rows = [row for row in _rows(straight[0]) if "loss" in row]
    assert [row["step"] for row in rows] == [3, 6, 9, 12]
    state, means = toy_run.state(), []
    for batch in itertools.islice(toy_run.batches(0), 3):
        state, now = toy_run.step()(state, batch)
        means.append(jax.device_get(now["hard_ce"]))
    expected = sum(m.total for m in means) / sum(m.count for m in means)
    assert rows[0]["hard_ce"] == pytest.approx(expected, rel=1e-6)
    assert rows[0]["skipped_updates"] == 0


def test_one_bad_batch_is_skipped_counted_and_kept_out_of_the_logged_mean(
    straight, tmp_path
):
    state = run(tmp_path, batches=toy_run.bad_at({4}))
    assert int(state.opt_state.total_notfinite) == 1
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))
    rows = {row["step"]: row for row in _rows(tmp_path)}
    assert [rows[n]["skipped_updates"] for n in (3, 6, 9, 12)] == [0, 1, 1, 1]
    assert 0 < rows[6]["hard_ce"] < 100 and "NaN" not in repr(rows)
    assert bits(state) != straight[1]


def test_a_bad_batch_moves_no_parameter_and_no_moment():
    batch = next(toy_run.bad_at({0})(0))
    before = jax.device_get(toy_run.state())
    after, _ = toy_run.step()(toy_run.state(), batch)
    for kept in ("params", "key", "opt_state"):
        old, new = getattr(before, kept), getattr(after, kept)
        if kept == "opt_state":
            old, new = old.inner_state, new.inner_state
        if kept == "key":
            old, new = jax.random.key_data(old), jax.random.key_data(new)
        for a, b in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True):
            np.testing.assert_array_equal(a, b)


def test_many_bad_batches_stop_the_run_and_every_checkpoint_stays_finite(tmp_path):
    lengths = {"num_steps": 80, "log_every": 70, "save_every": 10}
    with pytest.raises(FloatingPointError, match=r"toy: 65 updates .* by step 70"):
        run(tmp_path, batches=toy_run.bad_at(range(5, 80)), **lengths)
    step, state = _newest(tmp_path)
    assert step == 60
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))


@pytest.mark.parametrize("width", [5, 9])
def test_checkpoints_of_another_configuration_are_refused_by_the_part_that_differs(
    tmp_path, width
):
    run(tmp_path, num_steps=4)
    MetricLog(tmp_path / "metrics.jsonl").write("toy", 9, {"loss": 1.0})
    log = (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(ValueError, match=r"toy: .* with model m0, this run has m1"):
        run(tmp_path, meta={**toy_run.META, "model": "m1"}, start=toy_run.state(width))
    assert (tmp_path / "metrics.jsonl").read_text() == log


def test_without_keep_best_the_last_state_counts(straight, tmp_path):
    validate, _ = scripted([0.1, 0.2, 0.3, 0.4])
    assert bits(run(tmp_path, validate=validate, validate_every=3)) == straight[1]


def test_patience_ends_a_stage_early_and_a_restart_does_not_go_on(tmp_path):
    validate, seen = scripted([0.5, 0.3, 0.4, 0.3, 0.2, 0.1])
    lengths = {"validate_every": 2, "patience": 2, "log_every": 4}
    state = run(tmp_path, validate=validate, **lengths)
    assert int(state.step) == 8 and len(seen) == 4
    again = run(tmp_path, validate=validate, **lengths)
    assert bits(again) == bits(state) and len(seen) == 4


def test_patience_counts_validations_from_before_a_stop(tmp_path):
    lengths = {"validate_every": 2, "patience": 2, "log_every": 4}
    with pytest.raises(InterruptedRunError):
        run(
            tmp_path,
            validate=scripted([0.3, 0.4])[0],
            **stopping_after(5),
            **lengths,
        )
    assert int(run(tmp_path, validate=scripted([0.5])[0], **lengths).step) == 6


def test_a_checkpoint_that_cannot_be_written_stops_the_run(tmp_path, monkeypatch):
    def full(self, state, meta, cost):
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr(Checkpoints, "save", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path)


def test_no_thread_outlives_a_run_however_it_ends(tmp_path):
    def prefetching():
        return [t for t in threading.enumerate() if t.name == "prefetch"]

    with pytest.raises(InterruptedRunError) as caught:
        run(tmp_path, **stopping_after(2))
    run(tmp_path, num_steps=6)
    end = time.monotonic() + 5
    while prefetching() and time.monotonic() < end:
        time.sleep(0.05)
    assert not prefetching()
    del caught  # while it lived, its traceback held the loop's own variables
