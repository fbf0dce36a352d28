"""The wish to stop, from a signal: noticed between two steps, so that nothing is lost.

One process owns its signals. With several, JAX's preemption service agrees on a step
for all hosts, and a handler of ours installed after it would switch it off.
"""

from __future__ import annotations

import signal
from types import FrameType

import jax


class InterruptedRunError(Exception):
    """A run was asked to stop and has saved where it was."""


class StopFlag:
    """Whether SIGTERM or SIGINT has come; a second one stops at once."""

    def __init__(self) -> None:
        """Takes over the two signals where this is the only process."""
        self._asked = False
        if jax.process_count() == 1:
            signal.signal(signal.SIGTERM, self._note)
            signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    @property
    def asked(self) -> bool:
        """True once a signal has come."""
        return self._asked
