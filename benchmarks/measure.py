"""What all benchmarks share: warm repeats, medians, a table and a JSON file."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mistakes

from epik_jax.argument_types import positive
from epik_jax.evaluation.report import write_report
from epik_jax.evaluation.timing import device_name


def median_seconds(call: Callable[[], Any], repeats: int = 7) -> float:
    """The median wall time of a call that returns with its work done.

    Two calls go first, unmeasured: they compile and fill caches.
    """
    for _ in range(2):
        call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def arguments(about: str) -> argparse.Namespace:
    """The command line of a benchmark: where the JSON goes, how often to repeat."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", type=Path, help="write the rows here too")
    parser.add_argument("--repeats", type=positive, default=7)
    options = parser.parse_args()
    mistakes.demand_unspoilt(options.json)
    return options


def show(rows: list[dict[str, Any]], json_file: Path | None) -> None:
    """Prints rows as a table and writes them with the device's name."""
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    print(f"# {device_name()}")
    for line in cells:
        print("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)))
    if json_file:
        write_report(json_file, {"device": device_name(), "rows": rows})


def _cell(value: Any) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
