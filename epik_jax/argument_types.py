"""What single options of the command line are read as, and how a bad one is told."""

from __future__ import annotations

import argparse
from pathlib import Path

from epik_jax.bounds import LARGEST_BEAM


def path(text: str) -> Path:
    """A name that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return Path(text)


def positive(text: str) -> int:
    """A count of one or more."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def index(text: str) -> int:
    """A place, from 0 on."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return int(text)


def beam(text: str) -> int:
    """A number of hypotheses that a beam may hold."""
    number = positive(text)
    if number > LARGEST_BEAM:
        raise argparse.ArgumentTypeError(f"{number} is more than {LARGEST_BEAM}")
    return number


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value
