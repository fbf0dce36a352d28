"""What benchmarks of several seeds share: their log, their arguments, their JSON.

A parser goes in, options come out; figures go in, a file comes out.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mistakes

from epik_jax import host
from epik_jax.bounds import LARGEST_SEED
from epik_jax.evaluation import report
from epik_jax.evaluation.timing import device_name
from epik_jax.recipes.provenance import commit


def set_up() -> None:
    """Log lines, allocator and kept programs, as of a run."""
    logging.getLogger().handlers.clear()  # Or each line would come twice.
    host.set_logging()
    host.set_allocator()
    host.set_compilation_cache()


def parsed(
    parser: argparse.ArgumentParser, distinct: Sequence[str]
) -> tuple[argparse.Namespace, list[str]]:
    """Reads the command line, with --json and overrides of the configuration.

    Args:
      parser: of the benchmark; has --seeds.
      distinct: options that may not hold a value twice.
    """
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options, rest = parser.parse_known_args()
    if odd := [word for word in rest if not word.startswith("--config.")]:
        parser.error(f"unknown: {' '.join(odd)}")
    for name in distinct:
        if len(set(given := getattr(options, name))) < len(given):
            parser.error(f"--{name} has one twice")
    if not all(0 <= seed <= LARGEST_SEED for seed in options.seeds):
        parser.error(f"--seeds are not all from 0 to {LARGEST_SEED}")
    mistakes.demand_unspoilt(options.json)
    return options, [word.removeprefix("--config.") for word in rest]


def stages_of(preset: str, seed: int, varied: str = "") -> str:
    """Prefix of the names of a student's stages; benchmarks share equal students.

    Args:
      preset: whom it hears.
      seed: of the student.
      varied: what its settings are beside those of the configuration; "" for these.
    """
    return "-".join(["compared", preset, *filter(None, [varied]), str(seed)])


def beside(key: str, value: object) -> str:
    """A setting that is not the configuration's, as part of a stage's name."""
    name = f"{key.removeprefix('tmkd.').removeprefix('student.')}-{value}"
    return re.sub(r"[^\w.+-]+", "-", name)


def keep(
    options: argparse.Namespace, form: str, command: str, figures: dict[str, Any]
) -> None:
    """Writes figures where they are wanted, with what they are of."""
    if options.json:
        made = {
            "format": form,
            "command": command,
            "commit": commit(),
            "device": device_name(),
            "part": options.part,
            "seeds": options.seeds,
        }
        report.write_report(options.json, {**made, **figures})
