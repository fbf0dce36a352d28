"""Settings that are numbers, and the range that each must lie in."""

from __future__ import annotations

from typing import Any

LARGEST_SEED = 2**32 - 1

LARGEST_WEIGHT = 1e6
"""Of a term or a teacher: what is larger leaves no digits for anything beside it."""

LARGEST_WIDTH = 1 << 16
"""Of any layer: a square of it takes 16 GiB."""

LARGEST_BEAM = 64
"""Beams of a word look over each other's past: work and memory grow with the square."""


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
        if not value >= least:
            raise ValueError(f"{name} is {value}, expected {least} or more")


def demand_rate(config: Any, *names: str) -> None:
    """Refuses rates of dropout that are neither 0 nor some 256th below 1.

    Args:
      config: a dataclass.
      *names: fields that are rates.

    Raises:
      ValueError: one is no such rate; says which, and its value.
    """
    for name in names:
        rate = getattr(config, name)
        if rate and not 1 <= round(256 * rate) <= 255:
            raise ValueError(f"{name} {rate} is neither 0 nor in [1/256, 1)")


def within(config: Any, low: float, high: float, *names: str) -> None:
    """Refuses settings outside of a range, both ends of which are allowed.

    Args:
      config: a dataclass.
      low: the least that is allowed.
      high: the most that is allowed.
      *names: fields that are numbers.

    Raises:
      ValueError: one is outside, or not a number; says which, and its value.
    """
    for name in names:
        value = getattr(config, name)
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}, expected {low} to {high}")
