"""What the update of each recipe's student comes to on 1, 4, 32 and 256 chips.

    python benchmarks/scaling.py [--json FILE]

Wants the environment of requirements-tpu.txt and no TPU. Each update is compiled for so
many chips of a v5e with the same batch for each chip, then with the same batch in all.
Estimates are of a roofline; nothing is run. About a minute for each of the 24
on two cores.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measure
import mistakes

from epik_jax.compiling import report

CONFIGS = Path(__file__).parents[1] / "configs"
TOPOLOGIES = {1: "v5e:1x1", 4: "v5e:2x2", 32: "v5e:4x8", 256: "v5e:16x16"}
UPDATES = {
    "EPIK's student": ("epik", "student update", "epik.student.stages[0]"),
    "XtremeDistil's student": (
        "xtremedistil",
        "student update, representation",
        "xtremedistil.student",
    ),
    "TMKD's student": ("tmkd", "student update, task", "tmkd.student.task"),
}
"""Name -> configuration (`real`), program, and the settings that hold its batches."""

A_CHIP, IN_ALL = 64, 1024


def main() -> None:
    """Compiles every update for every number of chips."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", type=Path, help="write the rows here too")
    options = parser.parse_args()
    if options.json:
        mistakes.demand_unspoilt(options.json)
    rows = list(_rows())
    measure.show(rows, options.json)


def _rows() -> Iterator[dict[str, Any]]:
    for name in UPDATES:
        for num_chips in TOPOLOGIES:
            for held, batch in (("a chip", A_CHIP * num_chips), ("in all", IN_ALL)):
                yield {
                    "update": name,
                    "batch": held,
                    "chips": num_chips,
                    "rows": batch,
                    **_figures(name, num_chips, batch),
                }


def _figures(name: str, num_chips: int, batch: int) -> dict[str, Any]:
    recipe, program, where = UPDATES[name]
    overrides = [f"{where}.batches.batch_size={batch}"]
    config = f"{CONFIGS / recipe}.py:real"
    [found] = report.compiled(config, overrides, TOPOLOGIES[num_chips], program)
    print(json.dumps({"update": name, "chips": num_chips, "rows": batch}), flush=True)
    if "failed" in found:
        return {"failed": found["failed"]}
    estimate, exchanged = found["estimate"], found["collectives"].values()
    seconds = estimate["seconds"] if estimate else None
    return {
        "GiB a chip": found["hbm_bytes"] / 2**30,
        "GFLOP a chip": found["flops"] / 1e9,
        "MB exchanged": sum(one["bytes"] for one in exchanged) / 1e6,
        "ms": 1e3 * seconds if seconds else None,
        "of": estimate["of"] if estimate else None,
        "MFU %": 100 * estimate["utilisation"] if estimate else None,
        "rows/s a chip": batch / seconds / num_chips if seconds else None,
    }


if __name__ == "__main__":
    main()
