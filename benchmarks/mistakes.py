"""Mistakes in a benchmark's arguments are told in one line, before its work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from epik_jax.recipes.output import demand_writable
from epik_jax.training.stop import InterruptedRunError


def told(main: Callable[[], None]) -> None:
    """Runs a benchmark; a file or value that cannot be used ends it in one line."""
    try:
        main()
    except InterruptedRunError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}; the same command goes on there")
    except (OSError, ValueError, FloatingPointError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {' '.join(str(error).split())}")


def demand_unspoilt(json_file: Path | None, read: Path | None = None) -> None:
    """Refuses a file for figures that could not be written, or is what is read."""
    if json_file:
        demand_writable(json_file, read)
