"""Ctrl-C while nothing can be left half-written: one line, and out.

Until the libraries are there, some of them turn a KeyboardInterrupt that reaches them
into an error of their own, or lose it. So the process ends in the signal's handler. A
compiler lets no handler run until it is done; there a thread waits for the signal. Only
the standard library's lightest are used.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
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


@contextlib.contextmanager
def leaving_whatever_runs() -> Iterator[None]:
    """Meanwhile Ctrl-C and SIGTERM end the process, whatever code it is in.

    To be entered before libraries start threads, which would take the signal otherwise,
    or set handlers of their own, as libtpu does to print where it was.
    """
    if not hasattr(signal, "sigtimedwait"):  # On macOS, where libtpu is not either.
        yield
        return
    heeded = {
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    over = threading.Event()

    def wait() -> None:
        while not over.is_set():
            if found := signal.sigtimedwait(heeded, 0.1):
                _leave(found.si_signo, None)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, heeded)
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    try:
        yield
    finally:
        over.set()
        waiting.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"epik-jax: interrupted\n")
    os._exit(128 + number)
