"""What an update needs with activations kept, computed again, and in bfloat16.

    python benchmarks/activations.py [--only NAME] [--json FILE]

Wants the environment of requirements-tpu.txt and no TPU. One update of each kind of
network is compiled for a v5e of one chip, with a large batch, four times. Memory is
what the compiler sets aside; estimates are of a roofline; nothing is run. About half an
hour on two cores.
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
TOPOLOGY = "v5e:1x1"
UPDATES = {
    "encoder": ("tmkd", "first update, labels", "tmkd.crowd.teachers[0].labels", 512),
    "encoder-decoder": ("epik", "teacher update", "epik.teacher", 2048),
    "BiLSTM": (
        "xtremedistil",
        "student update, representation",
        "xtremedistil.student",
        512,
    ),
}
"""Network -> configuration (`real`), program, what holds its batches, rows."""

COMPUTING = {
    "plain": (),
    "rematerialised": ("compute.rematerialise=True",),
    "bfloat16": ("compute.activations=bfloat16",),
    "both": ("compute.rematerialise=True", "compute.activations=bfloat16"),
}


def main() -> None:
    """Compiles every update in every way."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", choices=UPDATES, help="one network alone")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    options = parser.parse_args()
    if options.json:
        mistakes.demand_unspoilt(options.json)
    rows = list(_rows([options.only] if options.only else list(UPDATES)))
    measure.show(rows, options.json)


def _rows(names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        for how in COMPUTING:
            row = {"network": name, "computed": how, **_figures(name, how)}
            print(json.dumps(row), flush=True)
            yield row


def _figures(name: str, how: str) -> dict[str, Any]:
    recipe, program, where, rows = UPDATES[name]
    overrides = [f"{where}.batches.batch_size={rows}", *COMPUTING[how]]
    config = f"{CONFIGS / recipe}.py:real"
    [found] = report.compiled(config, overrides, TOPOLOGY, program)
    if "failed" in found:
        raise SystemExit(f"{name}, {how}: {found['failed']}")
    return {
        "rows": rows,
        "MB of temporaries": found["temporary_bytes"] / 1e6,
        "GFLOP": found["flops"] / 1e9,
        "MB read and written": found["hbm_traffic"] / 1e6,
        "ms": 1e3 * found["estimate"]["seconds"],
        "of": found["estimate"]["of"],
    }


if __name__ == "__main__":
    main()
