"""Checkpoints: exact, sealed, damaged ones passed over, full disks not kept quiet."""

import dataclasses
import errno
import logging
import shutil
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epik_jax.training import checkpoint
from epik_jax.training.checkpoint import SEAL, Checkpoints
from epik_jax.training.state import TrainState

META = {"data": "d0", "model": "m0"}


def _state(step, seed=0):
    rng = np.random.default_rng([seed, step])
    kernel = jnp.asarray(rng.normal(size=(64, 32)), jnp.float32)
    return TrainState(
        step=jnp.asarray(step, jnp.int32),
        params={"student": {"kernel": kernel}},
        opt_state={"mu": {"student/kernel": kernel / 3}, "count": jnp.asarray(step)},
        key=jax.random.key(step),
    )


def _bits(state):
    state = dataclasses.replace(state, key=jax.random.key_data(state.key))
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


@pytest.fixture
def folder(tmp_path):
    """A folder with sound checkpoints of steps 1 and 2."""
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2):
            checkpoints.save(_state(step), META, None)
    return tmp_path


def _newest(folder):
    with Checkpoints(folder) as checkpoints:
        return checkpoints.newest()


def test_a_checkpoint_comes_back_bit_by_bit_with_its_meta(folder):
    with Checkpoints(folder) as checkpoints:
        restored, meta = checkpoints.restore(2, _state(0)), checkpoints.meta(2)
    assert _bits(restored) == _bits(_state(2)) and meta == META
    assert jax.random.key_impl(restored.key) == jax.random.key_impl(_state(2).key)


def test_a_checkpoint_comes_back_onto_the_devices_that_it_is_asked_for(folder):
    devices = jax.sharding.SingleDeviceSharding(jax.devices()[3])
    like = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=devices), _state(0)
    )
    with Checkpoints(folder) as checkpoints:
        restored = checkpoints.restore(2, like)
    assert restored.params["student"]["kernel"].devices() == {jax.devices()[3]}
    assert _bits(restored) == _bits(_state(2))


def test_one_flipped_bit_anywhere_makes_a_step_passed_over_by_name(folder, caplog):
    files = [p for p in (folder / "2").rglob("*") if p.is_file() and p.stat().st_size]
    rng = np.random.default_rng(0)
    assert len(files) > 8 and folder / "2" / SEAL in files
    for path in [p for p in files for _ in range(4)]:
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        caplog.clear()
        assert _newest(folder) == 1, path
        said = [r.getMessage() for r in caplog.records if r.name == "root"]
        assert len(said) == 1 and "step 2 passed over" in said[0], path
        assert str(folder) in said[0]
        (folder / "2.damaged").rename(folder / "2")
        path.write_bytes(whole)
    assert _newest(folder) == 2


def _without_seal(step):
    (step / SEAL).unlink()


def _half_a_seal(step):
    (step / SEAL).write_bytes((step / SEAL).read_bytes()[:40])


def _without_a_file(step):
    next(p for p in sorted(step.rglob("*")) if p.is_file() and p.name != SEAL).unlink()


def _cut(step):
    largest = max((p for p in step.rglob("*")), key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])


def _empty(step):
    shutil.rmtree(step)
    step.mkdir()


@pytest.mark.parametrize(
    "damage", [_without_seal, _half_a_seal, _without_a_file, _cut, _empty]
)
def test_a_damaged_step_is_passed_over_and_made_good_when_it_comes_again(
    folder, damage
):
    for _ in range(2):
        damage(folder / "2")
        with Checkpoints(folder) as checkpoints:
            assert checkpoints.newest() == 1
            checkpoints.save(_state(2), META, None)
        with Checkpoints(folder) as checkpoints:
            assert checkpoints.newest() == 2
            assert _bits(checkpoints.restore(2, _state(0))) == _bits(_state(2))


def test_what_is_no_step_is_not_taken_for_one(folder):
    (folder / "notes").mkdir()
    (folder / "7").write_text("a file named like a step")
    (folder / "8.orbax-checkpoint-tmp").mkdir()
    assert _newest(folder) == 2


def test_an_empty_folder_has_no_newest_and_no_best_step(tmp_path):
    with Checkpoints(tmp_path / "new") as checkpoints:
        assert checkpoints.newest() is None and checkpoints.best() is None


def test_a_sound_step_is_not_written_twice(folder):
    before = (folder / "2" / SEAL).stat().st_mtime_ns
    with Checkpoints(folder) as checkpoints:
        checkpoints.save(_state(2, seed=9), META, None)
        assert _bits(checkpoints.restore(2, _state(0))) == _bits(_state(2))
    assert (folder / "2" / SEAL).stat().st_mtime_ns == before


def test_the_newest_two_and_the_best_are_kept_and_the_best_survives_reopening(tmp_path):
    costs = {1: 0.5, 2: 0.2, 3: None, 4: 0.3, 5: None, 6: 0.9, 7: None}
    for half in ([1, 2, 3, 4], [5, 6, 7]):
        with Checkpoints(tmp_path, keep=2) as checkpoints:
            for step in half:
                checkpoints.save(_state(step), META, costs[step])
            assert checkpoints.best() == 2
    kept = {int(p.name) for p in tmp_path.iterdir() if p.name.isdigit()}
    assert kept == {2, 6, 7}


def test_a_perfect_cost_of_zero_is_a_cost(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(_state(1), META, 0.0)
        checkpoints.save(_state(2), META, 0.1)
        assert checkpoints.best() == 1


def test_a_damaged_best_step_gives_way_to_the_next_best(tmp_path):
    with Checkpoints(tmp_path, keep=3) as checkpoints:
        for step, cost in ((1, 0.3), (2, 0.1), (3, 0.2)):
            checkpoints.save(_state(step), META, cost)
    _cut(tmp_path / "2")
    with Checkpoints(tmp_path, keep=3) as checkpoints:
        assert checkpoints.best() == 3


def _raising(error):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_refuses_is_an_error_at_once_and_older_steps_stay(
    folder, monkeypatch, number
):
    with Checkpoints(folder) as checkpoints:

        def refuse(*args, **kwargs):
            raise OSError(number, "no", str(folder))

        with monkeypatch.context() as broken:
            broken.setattr(checkpoints._manager, "save", refuse)
            with pytest.raises(OSError):
                checkpoints.save(_state(3), META, None)
        with monkeypatch.context() as broken:
            # As orbax tells of a full disk.
            error = ValueError("RESOURCE_EXHAUSTED: Error writing\nmany lines")
            broken.setattr(checkpoints._manager, "save", _raising(error))
            with pytest.raises(OSError, match="No space left") as told:
                checkpoints.save(_state(3), META, None)
            assert told.value.filename == str(folder)
        with monkeypatch.context() as broken:
            # The data went through, the seal did not.
            broken.setattr(checkpoint, "write_whole", refuse)
            with pytest.raises(OSError):
                checkpoints.save(_state(3), META, None)
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.newest() == 2
        checkpoints.save(_state(3), META, None)
        assert checkpoints.newest() == 3


@pytest.mark.parametrize("full", [True, False])
def test_a_full_disk_is_told_once_and_other_complaints_are_let_through(
    folder, monkeypatch, caplog, full
):
    uncaught = []
    monkeypatch.setattr(sys, "unraisablehook", uncaught.append)
    what = "RESOURCE_EXHAUSTED: Error writing" if full else "shapes differ"
    stray, other = (
        types.SimpleNamespace(exc_value=RuntimeError(text))
        for text in ("Event loop is closed", "a bug")
    )

    def fail(*args, **kwargs):
        # As threads of orbax and of its storage do.
        logging.getLogger("absl").error("a thread raised an exception: %s", what)
        sys.unraisablehook(stray)
        raise ValueError(f"{what}\nmany lines")

    with Checkpoints(folder) as checkpoints:
        monkeypatch.setattr(checkpoints._manager, "save", fail)
        with pytest.raises(OSError if full else ValueError):
            checkpoints.save(_state(3), META, None)
    sys.unraisablehook(stray)
    sys.unraisablehook(other)
    assert uncaught == [other]
    said = [r.getMessage() for r in caplog.records if r.name == "absl"]
    assert said == ([] if full else ["a thread raised an exception: shapes differ"])
