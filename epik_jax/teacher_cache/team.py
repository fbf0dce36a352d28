"""Processes that write one cache side by side, as the writer sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Team(Protocol):
    """Processes that write one cache side by side."""

    @property
    def leads(self) -> bool:
        """Whether this one holds the folder and its manifest."""
        ...

    def share(self, shards: Sequence[int]) -> Sequence[int]:
        """Those of some shards that this one writes."""
        ...

    def wait(self, moment: str) -> None:
        """Returns when all have come to the same moment."""
        ...


class Alone:
    """A team of one."""

    leads = True

    def share(self, shards: Sequence[int]) -> Sequence[int]:
        """All of them."""
        return shards

    def wait(self, moment: str) -> None:
        """For nobody."""


ALONE = Alone()
