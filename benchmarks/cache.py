"""Examples per second written to and read from a teacher cache of full distributions.

    python benchmarks/cache.py [--json FILE]

Log-probabilities over 290 symbols in float16, ten tokens a word; the cache lies in a
temporary folder, so the figures are those of the page cache.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import measure
import mistakes
import numpy as np

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teacher_cache.schema import Block, Field, Schema
from epik_jax.teacher_cache.writer import write_cache

NUM, PER_BLOCK, VOCABULARY, TOKENS = 8192, 256, 290, 10
SCHEMA = Schema(
    (
        Field("tokens", "int16", ragged=True),
        Field("log_probs", "float16", (VOCABULARY,), ragged=True),
    )
)
MEANS = {"tokens": TOKENS, "log_probs": TOKENS}


def main() -> None:
    """Times writing, opening with a check of every byte, and random joins."""
    options = measure.arguments(__doc__ or "")
    blocks = list(made_blocks())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "cache"
        writing = measure.median_seconds(lambda: write(folder, blocks), options.repeats)
        opening = measure.median_seconds(
            lambda: TeacherCache.open(folder, {"made": "up"}), options.repeats
        )
        cache = TeacherCache.open(folder, {"made": "up"})
        order = np.random.default_rng(1).permutation(NUM).astype(np.uint64)

        def join() -> None:
            for start in range(0, NUM, PER_BLOCK):
                keys = order[start : start + PER_BLOCK]
                cache.join(keys, keys, ("tokens", "log_probs"))

        joining = measure.median_seconds(join, options.repeats)
        size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    rows = [
        {
            "work": work,
            "examples/s": NUM / seconds,
            "MB/s": size / 1e6 / seconds,
            "bytes an example": round(size / NUM),
        }
        for work, seconds in (
            ("write and seal", writing),
            ("open, every byte checked", opening),
            ("join at random, 256 a time", joining),
        )
    ]
    measure.show(rows, options.json)


def write(folder: Path, blocks: list[Block]) -> None:
    """Writes the whole cache anew, in two shards."""
    shutil.rmtree(folder, ignore_errors=True)
    half = len(blocks) // 2
    shards = [lambda: iter(blocks[:half]), lambda: iter(blocks[half:])]
    write_cache(
        folder,
        SCHEMA,
        {"made": "up"},
        shards,
        num_examples=NUM,
        mean_lengths=MEANS,
    )


def made_blocks() -> Iterable[Block]:
    """Random signals."""
    random = np.random.default_rng(0)
    for start in range(0, NUM, PER_BLOCK):
        keys = np.arange(start, start + PER_BLOCK, dtype=np.uint64)
        lengths = random.integers(TOKENS - 4, TOKENS + 5, PER_BLOCK)
        total = int(lengths.sum())
        arrays = {
            "tokens": random.integers(9, 290, total).astype(np.int16),
            "log_probs": random.normal(-8, 2, (total, VOCABULARY)).astype(np.float16),
        }
        ragged = {k: Ragged.from_lengths(v, lengths) for k, v in arrays.items()}
        yield Block(keys, keys, ragged)


if __name__ == "__main__":
    mistakes.told(main)
