"""What large data would take: bytes of caches, hours and cost of chips.

    python benchmarks/scale.py --words-cache DIR --sentences-cache DIR \
        --host-rates FILE [--price DOLLARS]

Wants the environment of requirements-tpu.txt and no TPU. Bytes of an example are those
of caches that runs have filled, what a host prepares in a second is what
`benchmarks/host_rates.py` wrote down of this one, and times of chips are those that the
TPU's compiler comes to for programs of the `real` configurations, each at the longest
words or sentences, every resource at its peak. So hours are the least that can be had,
and nothing is run.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import measure
import mistakes

from epik_jax.compiling import report
from epik_jax.recipes.run import cache_summary, find_caches

CONFIGS = Path(__file__).parents[1] / "configs"
ROWS_A_CHIP = 64


@dataclasses.dataclass(frozen=True)
class Slice:
    """Chips that are had together.

    Attributes:
      topology: of all chips.
      num_chips: of them.
      host: topology of one host's chips, which ask a teacher by themselves.
      num_hosts: of them.
    """

    topology: str
    num_chips: int
    host: str
    num_hosts: int


SLICES = {
    "v5e-8": Slice("v5e:2x4", 8, "v5e:2x4", 1),
    "v5e-256": Slice("v5e:16x16", 256, "v5e:2x2", 64),
}


@dataclasses.dataclass(frozen=True)
class Volume:
    """Data, and what is done with it.

    Attributes:
      name: of it.
      cache: what its bytes are measured by: "words" or "sentences".
      config: file and variant.
      num_examples: questions to the teacher, of which each is learnt once in an epoch.
      passes: program -> how often it is asked for each example.
      updates: program -> the settings that hold its batches.
    """

    name: str
    cache: str
    config: str
    num_examples: int
    passes: dict[str, float]
    updates: dict[str, str]


def words(num_targets: int) -> Volume:
    """26 million native words, each into some of 19 other languages."""
    return Volume(
        f"26 M words into {num_targets} languages",
        "words",
        "epik.py:real",
        26_000_000 * num_targets,
        # A word is written in English once, whatever languages come after.
        {
            "teacher, chain to English": 1 / num_targets,
            "teacher, chain from English": 1.0,
        },
        {"student update": "epik.student.stages[0]"},
    )


VOLUMES = (
    words(3),
    words(19),
    Volume(
        "7.2 M sentences",
        "sentences",
        "xtremedistil.py:real",
        7_200_000,
        {"teacher, signals": 1.0},
        {
            "student update, representation": "xtremedistil.student",
            "student update, logits": "xtremedistil.student",
        },
    ),
)


def main() -> None:
    """Compiles what the volumes need and adds up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--words-cache", type=Path, required=True)
    parser.add_argument("--sentences-cache", type=Path, required=True)
    parser.add_argument("--host-rates", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=1.0, help="of training")
    parser.add_argument("--price", type=float, help="dollars for an hour of a chip")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    options = parser.parse_args()
    if options.json:
        mistakes.demand_unspoilt(options.json)
    sizes = {
        "words": example_bytes(options.words_cache),
        "sentences": example_bytes(options.sentences_cache),
    }
    told = json.loads(options.host_rates.read_text())["rows"]
    rates = {one["questions"]: one["a second"] for one in told}
    rows = [
        row(
            volume,
            name,
            sizes[volume.cache],
            rates[volume.cache],
            options.epochs,
            options.price,
        )
        for volume in VOLUMES
        for name in SLICES
    ]
    measure.show(rows, options.json)


def example_bytes(folder: Path) -> float:
    """Of the largest cache of a run, or of the one that is named."""
    totals = [cache_summary(cache)["totals"] for cache in find_caches(folder)]
    largest = max(totals, key=lambda total: total["bytes"])
    return float(largest["bytes"] / largest["examples"])


def row(
    volume: Volume,
    name: str,
    size: float,
    host_rate: float,
    epochs: float,
    price: float | None,
) -> dict[str, Any]:
    """What a volume takes on a slice."""
    slice_ = SLICES[name]
    asking = sum(
        often * volume.num_examples * seconds_a_row(volume.config, slice_.host, program)
        for program, often in volume.passes.items()
    )
    rows = ROWS_A_CHIP * slice_.num_chips
    training = epochs * sum(
        volume.num_examples
        * seconds_a_row(
            volume.config,
            slice_.topology,
            program,
            f"{where}.batches.batch_size={rows}",
        )
        for program, where in volume.updates.items()
    )
    asking, preparing, training = (
        seconds / 3600
        for seconds in (
            asking / slice_.num_hosts,
            volume.num_examples / host_rate / slice_.num_hosts,
            training,
        )
    )
    # A host prepares questions while its chips answer others.
    chip_hours = (max(asking, preparing) + training) * slice_.num_chips
    return {
        "volume": volume.name,
        "examples (M)": volume.num_examples / 1e6,
        "bytes each": size,
        "cache (GB)": volume.num_examples * size / 1e9,
        "slice": name,
        "hosts": slice_.num_hosts,
        "h of chips asked": asking,
        "h of hosts asking": preparing,
        "h of training": training,
        "chip hours": chip_hours,
        **({} if price is None else {"dollars": chip_hours * price}),
    }


@functools.cache
def seconds_a_row(config: str, topology: str, program: str, *overrides: str) -> float:
    """Least seconds of a program, shared among the rows of its batch."""
    file = str(CONFIGS / config)
    found = next(report.compiled(file, [*overrides], topology, program))
    print("\n".join([topology, *report.lines(found)]), flush=True)
    return float(found["estimate"]["seconds"]) / int(found["rows"])


if __name__ == "__main__":
    main()
