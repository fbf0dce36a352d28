"""Settings that are numbers, and the least that each may be."""

from __future__ import annotations

from typing import Any


def demand(config: Any, least: int, *names: str) -> None:
    """Refuses settings that are too small to mean anything.

    Args:
      config: a dataclass.
      least: what each of the named fields must reach.
      *names: fields that are numbers.

    Raises:
      ValueError: one is less; says which, and its value.
    """
    for name in names:
        value = getattr(config, name)
        if value < least:
            raise ValueError(f"{name} is {value}, expected {least} or more")
