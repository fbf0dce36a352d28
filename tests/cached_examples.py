"""A small cache of every kind of field, for the tests of its reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache.schema import Block, Field, Schema
from epik_jax.teacher_cache.writer import write_cache

SCHEMA = Schema(
    (
        Field("tokens", "int32", ragged=True),
        Field("token_lengths", "int32", ragged=True),
        Field("log_probs", "float16", (7,), ragged=True),
        Field("scores", "float32", (2, 3)),
        Field("hidden", "float32", (8,), ragged=True, storage="int8"),
    )
)
FINGERPRINT = {"teacher": "t" * 64, "vocabulary": "v"}
MEANS = {"tokens": 6.0, "token_lengths": 2.0, "log_probs": 4.0, "hidden": 4.0}


def make_examples(count: int, seed: int = 0) -> Block:
    """Random examples with two hypotheses each, some of them empty."""
    draw = np.random.default_rng(seed)
    keys = draw.integers(1, 2**63, count, np.uint64) * np.uint64(2)
    hypotheses = draw.integers(0, 6, (count, 2)).astype(np.int32)
    lengths = draw.integers(0, 9, count)
    total = int(lengths.sum())
    tokens = draw.integers(0, 99, int(hypotheses.sum())).astype(np.int32)
    arrays: dict[str, np.ndarray | Ragged] = {
        "tokens": Ragged.from_lengths(tokens, hypotheses.sum(1)),
        "token_lengths": Ragged.from_lengths(
            hypotheses.reshape(-1), np.full(count, 2, np.int64)
        ),
        "log_probs": Ragged.from_lengths(
            draw.normal(size=(total, 7)).astype(np.float16), lengths
        ),
        "scores": draw.normal(size=(count, 2, 3)).astype(np.float32),
        "hidden": Ragged.from_lengths(
            draw.normal(size=(total, 8)).astype(np.float32), lengths
        ),
    }
    return Block(keys, keys * np.uint64(3), arrays)


def write(folder: Path, examples: Block, shards: int = 3, block_size: int = 4) -> None:
    blocks = list(examples.split(block_size))
    write_cache(
        folder,
        SCHEMA,
        FINGERPRINT,
        [lambda i=i: iter(blocks[i::shards]) for i in range(shards)],  # type: ignore[misc]
        num_examples=len(examples),
        mean_lengths=MEANS,
        block_size=block_size,
    )


def assert_equal(found: np.ndarray | Ragged, wanted: np.ndarray | Ragged) -> None:
    if isinstance(wanted, Ragged):
        assert isinstance(found, Ragged)
        np.testing.assert_array_equal(found.lengths, wanted.lengths)
        found, wanted = found.values, wanted.values
    assert isinstance(found, np.ndarray)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)
