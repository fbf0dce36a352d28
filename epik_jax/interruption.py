"""Ctrl-C while a command is still being started: one line, and out.

Until the libraries are there, nothing can be left half-written. Yet some of them turn a
KeyboardInterrupt that reaches them into an error of their own, or lose it. So the
process ends in the signal's handler. Only the standard library's lightest are used.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130


def leave_at_once() -> None:
    """From now on Ctrl-C ends the process, unless it was told to ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def leave_in_order() -> None:
    """Takes `leave_at_once` back: what runs now may have something to put away."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"epik-jax: interrupted\n")
    os._exit(INTERRUPTED)
