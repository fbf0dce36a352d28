"""The beginning of a command that computes: a process made ready, then imports.

One of several meets the others here, and ends here where it fails.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Iterator

from epik_jax import host, interruption


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

    try:
        processes.join(given.coordinator_address, given.num_processes, given.process_id)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"--distributed: {error}; off Cloud TPU it takes --coordinator-address, "
            "--num-processes and --process-id"
        ) from error
    # What all of them do, the first one tells.
    if not processes.is_first():
        logging.getLogger().setLevel(logging.WARNING)


def tells() -> bool:
    """Whether this process speaks for all: it is alone, or the first."""
    if not _has_joined():
        return True
    from epik_jax.parallel import processes

    return processes.is_first()


def leave(status: int) -> None:
    """Ends a failed process at once where others may wait for it.

    An orderly end would wait for them in turn.
    """
    if _has_joined():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _has_joined() -> bool:
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized()
