"""The beginning of a command that computes: a process made ready, then imports.

One of several meets the others here, and ends here where it fails.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator

from epik_jax import host, interruption

_SECONDS_BEFORE_A_LINE = 10


@contextlib.contextmanager
def set_up(given: Namespace | None = None) -> Iterator[None]:
    """Readies the process; within it a command imports what it needs.

    Args:
      given: options of `arguments`; where they say so, other processes are met.

    Raises:
      ValueError: the others cannot be found.
    """
    host.set_logging()
    host.set_allocator()  # Before jax takes its first buffer.
    host.set_compilation_cache()
    if given is not None and given.distributed:
        _join(given)
    yield
    interruption.leave_in_order()


def _join(given: Namespace) -> None:
    from epik_jax.parallel import processes

    others = f"the other processes at {given.coordinator_address or 'the coordinator'}"
    try:
        with _impatient(others, processes.PATIENCE):
            processes.join(
                given.coordinator_address, given.num_processes, given.process_id
            )
    except (RuntimeError, ValueError) as error:
        named = "; off Cloud TPU it takes --coordinator-address, --num-processes and "
        hint = "" if given.coordinator_address else f"{named}--process-id"
        raise ValueError(f"--distributed: {error}{hint}") from error
    # What all of them do, the first one tells.
    if not processes.is_first():
        logging.getLogger().setLevel(logging.WARNING)


@contextlib.contextmanager
def _impatient(others: str, patience: float) -> Iterator[None]:
    """Says that others are waited for, and ends a process to which none have come.

    JAX says nothing and then aborts; and holds Ctrl-C back, which ends it at once here.
    """

    def say() -> None:
        logging.warning("waiting for %s, for %s s at most", others, patience)

    def give_up() -> None:
        os.write(
            2,
            f"epik-jax: --distributed: {others} did not come in {patience} s; start "
            "all of them, with one --coordinator-address, that of process 0\n".encode(),
        )
        os._exit(2)

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    timers = [
        threading.Timer(_SECONDS_BEFORE_A_LINE, say),
        threading.Timer(patience, give_up),
    ]
    for timer in timers:
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
        signal.signal(signal.SIGINT, before)


def tells() -> bool:
    """Whether this process speaks for all: it is alone, or the first."""
    if not has_joined():
        return True
    from epik_jax.parallel import processes

    return processes.is_first()


def leave(status: int) -> None:
    """Ends a failed process at once where others may wait for it.

    An orderly end would wait for them in turn.
    """
    if has_joined():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def has_joined() -> bool:
    """Whether this process is one of several."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized()
