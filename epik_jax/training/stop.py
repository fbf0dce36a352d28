"""The wish to stop, from a signal: noticed between two steps, so that nothing is lost.

A run of one process owns its signals. Of several, JAX owns SIGTERM and agrees on a
moment for all; a handler of ours, installed after it, would switch that off. SIGINT is
passed on to it.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

from epik_jax.parallel import processes


class InterruptedRunError(Exception):
    """A run was asked to stop and has saved where it was."""


class StopFlag:
    """Whether SIGTERM or SIGINT has come; a second one stops at once.

    A context manager: outside of it, the signals do what they did before. They are
    taken over in the main thread alone. Of several processes all are to ask equally
    often, as the answer is true in all of them at the same question.
    """

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._asked = self._noted = False
        self._polls = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopFlag:
        """Takes over the two signals."""
        taken = [signal.SIGINT] + [signal.SIGTERM] * (processes.count() == 1)
        if threading.current_thread() is threading.main_thread():
            for number in taken:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Gives them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._noted:
            raise KeyboardInterrupt
        self._noted = True
        if processes.count() > 1:
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            self._asked = True

    @property
    def asked(self) -> bool:
        """True once a signal has come, to whichever process."""
        if processes.count() > 1 and not self._asked:
            self._asked = processes.told_to_stop(self._polls)
            self._polls += 1
        return self._asked

    def obey(self, where: str) -> None:
        """Ends the run, between two pieces of work, where it was asked to.

        Raises:
          InterruptedRunError: it was; says `where`.
        """
        if self.asked:
            raise InterruptedRunError(where)
