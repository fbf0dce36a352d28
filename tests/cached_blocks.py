"""Numbered blocks of a small cache, for the tests of its writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache import writer
from epik_jax.teacher_cache.schema import Block, Field, Schema

SCHEMA = Schema(
    (Field("tokens", "int32", ragged=True), Field("hidden", "float32", (16,)))
)
FINGERPRINT = {
    part: part * 9
    for part in ("teacher", "vocabulary", "normaliser", "data", "encoding", "schema")
}
BLOCKS, PER_BLOCK = 3, 8
Shard = Callable[[], Iterable[Block]]
Build = Callable[[Path, int, int], Iterator[int]]


def numbered_block(number: int) -> Block:
    keys = np.arange(PER_BLOCK, dtype=np.uint64) + np.uint64(number * PER_BLOCK)
    draw = np.random.default_rng(number)
    lengths = draw.integers(0, 9, PER_BLOCK)
    tokens = draw.integers(0, 99, int(lengths.sum())).astype(np.int32)
    hidden = draw.normal(size=(PER_BLOCK, 16)).astype(np.float32)
    packed = Ragged.from_lengths(tokens, lengths)
    arrays: dict[str, np.ndarray | Ragged] = {"tokens": packed, "hidden": hidden}
    return Block(keys, keys + np.uint64(1), arrays)


def shards(count: int) -> list[Shard]:
    def blocks(shard: int) -> Iterator[Block]:
        for number in range(BLOCKS):
            yield numbered_block(shard * BLOCKS + number)

    return [lambda shard=shard: blocks(shard) for shard in range(count)]  # type: ignore[misc]


def write(folder: Path, shards: list[Shard], **changes: Any) -> Any:
    defaults: dict[str, Any] = {
        "schema": SCHEMA,
        "fingerprint": FINGERPRINT,
        "num_examples": len(shards) * BLOCKS * PER_BLOCK,
        "mean_lengths": {"tokens": 4.0},
        "block_size": PER_BLOCK,
    }
    return writer.write_cache(folder, shards=shards, **(defaults | changes))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def never() -> Iterator[Block]:
    raise AssertionError("a whole shard was computed again")
    yield


def failing(after: int, error: Exception) -> Iterator[Block]:
    for number in range(after):
        yield numbered_block(100 + number)
    raise error
