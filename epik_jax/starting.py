"""The beginning of a command that computes: a process made ready, then imports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from epik_jax import host, interruption


@contextlib.contextmanager
def set_up() -> Iterator[None]:
    """Readies the process; within it a command imports what it needs."""
    host.set_logging()
    host.set_allocator()  # Before jax takes its first buffer.
    host.set_compilation_cache()
    yield
    interruption.leave_in_order()
