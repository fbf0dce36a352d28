"""Signals: noted once, obeyed at once when they come again; a killed run resumes."""

import concurrent.futures
import contextlib
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import toy_run

from epik_jax.training.checkpoint import Checkpoints
from epik_jax.training.stop import InterruptedRunError, StopFlag

NUMBERS = (signal.SIGTERM, signal.SIGINT)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_is_noted_and_a_second_one_stops_at_once(number):
    with StopFlag() as flag:
        flag.obey("too early")
        assert not flag.asked
        os.kill(os.getpid(), number)
        assert flag.asked
        with pytest.raises(InterruptedRunError, match="after the third word"):
            flag.obey("after the third word")
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_ctrl_c_in_one_of_several_processes_is_the_wish_that_all_hear(monkeypatch):
    monkeypatch.setattr("jax.process_count", lambda: 2)
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("SIGTERM"))
    try:
        with StopFlag():
            os.kill(os.getpid(), signal.SIGINT)
            assert heard == ["SIGTERM"]
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == ["SIGTERM"]


def test_signals_do_afterwards_what_they_did_before():
    before = [signal.getsignal(number) for number in NUMBERS]
    with contextlib.suppress(ValueError), StopFlag():
        assert [signal.getsignal(number) for number in NUMBERS] != before
        raise ValueError("training failed")
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_a_thread_that_is_not_the_main_one_trains_without_signals():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert not pool.submit(lambda: StopFlag().__enter__().asked).result()


@pytest.fixture
def start(tmp_path):
    """Starts the toy run in a process of its own, up to its `num_steps`-th step."""
    processes = []

    def start(num_steps):
        process = subprocess.Popen(
            [sys.executable, toy_run.__file__, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(Path(toy_run.__file__).parents[1])},
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        for _ in itertools.takewhile(lambda n: n < num_steps, itertools.count()):
            assert process.stdout.readline().startswith("step"), "it did not start"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def _newest(folder):
    with Checkpoints(folder / "checkpoints") as checkpoints:
        return checkpoints.newest()


def test_a_terminated_run_saves_exits_and_ends_as_one_that_was_not(
    start, tmp_path, tmp_path_factory
):
    process = start(6)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 143 and "saved" in said
    saved = _newest(tmp_path)
    assert saved >= 6 and f"stopped after step {saved}, saved" in said

    process = start(4)
    process.kill()  # no warning at all: the newest checkpoint is at most 4 steps old
    process.communicate(timeout=30)
    assert saved <= _newest(tmp_path)

    num_steps = saved + 12
    resumed = toy_run.run(tmp_path, num_steps=num_steps)
    straight = toy_run.run(tmp_path_factory.mktemp("straight"), num_steps=num_steps)
    assert toy_run.bits(resumed) == toy_run.bits(straight)
