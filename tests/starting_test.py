"""A process of several that waits for others, or that others wait for."""

from __future__ import annotations

import logging
import os
import signal
import time

import pytest

from epik_jax import cli, starting


class LeftError(Exception):
    """Stands for the end of a process."""


@pytest.fixture
def ends(monkeypatch):
    """Statuses with which the process would have ended at once."""
    found = []

    def end(status):
        found.append(status)
        raise LeftError

    monkeypatch.setattr(os, "_exit", end)
    return found


def test_an_unforeseen_failure_ends_a_process_that_others_wait_for(
    ends, monkeypatch, capsys
):
    def fail(argv):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(cli, "_call", fail)
    with pytest.raises(RuntimeError):
        cli.main([])
    assert ends == []
    monkeypatch.setattr(starting, "has_joined", lambda: True)
    with pytest.raises(LeftError):
        cli.main([])
    assert ends == [cli.FAILED]
    assert "RuntimeError: out of memory" in capsys.readouterr().err


@pytest.fixture
def interrupts():
    """Sets what Ctrl-C does, and in the end as whoever runs the tests had it."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_waiting_for_others_is_told_and_ends_with_what_to_do(
    ends, monkeypatch, caplog, capfd
):
    monkeypatch.setattr(starting, "_SECONDS_BEFORE_A_LINE", 0.01)
    with caplog.at_level(logging.INFO), starting._impatient("the others at H:1", 0.2):
        time.sleep(0.5)
    assert caplog.messages == ["waiting for the others at H:1, for 0.2 s at most"]
    assert ends == [cli.MISTAKEN]
    [said] = capfd.readouterr().err.splitlines()
    assert said.startswith("epik-jax: --distributed: the others at H:1 did not come")


@pytest.mark.parametrize(
    ("before", "within"),
    [
        (signal.default_int_handler, signal.SIG_DFL),
        (signal.SIG_IGN, signal.SIG_IGN),
    ],
)
def test_ctrl_c_ends_who_waits_for_others_unless_it_is_ignored(
    interrupts, before, within
):
    interrupts(before)
    with starting._impatient("the others", 60):
        assert signal.getsignal(signal.SIGINT) == within
    assert signal.getsignal(signal.SIGINT) == before


def test_others_that_come_at_once_are_not_waited_for_aloud(ends, monkeypatch, caplog):
    monkeypatch.setattr(starting, "_SECONDS_BEFORE_A_LINE", 0.1)
    with starting._impatient("the others", 0.1):
        pass
    time.sleep(0.2)
    assert (ends, caplog.messages) == ([], [])
