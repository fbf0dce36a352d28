"""Reading a cache: round trips of every kind of field, joins, damage, summaries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cached_examples import FINGERPRINT, assert_equal, make_examples, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teacher_cache.schema import DTYPES, Block, Field, Nested, Schema
from epik_jax.teacher_cache.writer import write_cache


@pytest.mark.parametrize("deep", [True, False])
def test_join_gives_what_was_written_in_the_order_asked_for(
    tmp_path: Path, deep: bool
) -> None:
    examples = make_examples(50)
    write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT, deep=deep)
    rows = np.random.default_rng(1).permutation(50)[:20]
    rows = np.append(rows, rows[:3])  # an example may be asked for twice
    found = cache.join(examples.keys[rows], examples.digests[rows])
    wanted = examples.take(rows).arrays
    assert found.keys() == wanted.keys()
    for name in ("tokens", "token_lengths", "log_probs", "scores"):
        assert_equal(found[name], wanted[name])
    decoded, exact = found["hidden"], wanted["hidden"]
    assert isinstance(decoded, Ragged)
    assert isinstance(exact, Ragged)
    np.testing.assert_array_equal(decoded.offsets, exact.offsets)
    peak = np.abs(exact.values).max(-1, keepdims=True)
    assert (np.abs(decoded.values - exact.values) <= peak / 253).all()


def test_columns_and_rows_agree_with_join(tmp_path: Path) -> None:
    examples = make_examples(30)
    write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    assert (np.diff(cache.keys.astype(object)) > 0).all()
    rows = cache.find(examples.keys, examples.digests)
    joined = cache.join(examples.keys, examples.digests, ["tokens", "scores"])
    assert list(joined) == ["tokens", "scores"]
    tokens, scores = cache.column("tokens"), cache.column("scores")
    assert isinstance(tokens, Ragged)
    assert isinstance(scores, np.ndarray)
    assert_equal(tokens.take(rows), joined["tokens"])
    assert_equal(scores[rows], joined["scores"])


def test_hypotheses_of_an_example_come_back_apart(tmp_path: Path) -> None:
    examples = make_examples(9)
    write(tmp_path, examples)
    found = TeacherCache.open(tmp_path, FINGERPRINT).join(
        examples.keys, examples.digests, ["tokens", "token_lengths"]
    )
    tokens, lengths = found["tokens"], found["token_lengths"]
    assert isinstance(tokens, Ragged)
    assert isinstance(lengths, Ragged)
    nested = Nested(tokens, lengths)
    for row, place in enumerate(nested.firsts):
        first, second = lengths.row(row)
        assert (first, second) == tuple(nested.sequences.lengths[place : place + 2])
        spelt = [nested.sequences.row(place + i).tolist() for i in range(2)]
        assert spelt == [
            tokens.row(row)[:first].tolist(),
            tokens.row(row)[first:].tolist(),
        ]


FIELDS = st.builds(
    Field,
    name=st.sampled_from(["a", "record", "shard", "a_1"]),
    dtype=st.sampled_from(DTYPES),
    row_shape=st.lists(st.integers(1, 3), max_size=3).map(tuple),
    ragged=st.booleans(),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    fields=st.lists(FIELDS, max_size=3, unique_by=lambda field: field.name),
    count=st.integers(0, 12),
    shards=st.integers(1, 3),
    seed=st.integers(0, 999),
)
def test_any_schema_survives_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    fields: list[Field],
    count: int,
    shards: int,
    seed: int,
) -> None:
    draw = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray | Ragged] = {}
    for field in fields:
        lengths = draw.integers(0, 4, count) if field.ragged else np.ones(count, int)
        shape = (int(lengths.sum()), *field.row_shape)
        values = draw.integers(0, 2, shape).astype(field.dtype)
        if field.dtype != "bool":
            values = values * np.dtype(field.dtype).type(101)
        arrays[field.name] = (
            Ragged.from_lengths(values, lengths) if field.ragged else values
        )
    keys = np.arange(count, dtype=np.uint64)[::-1] << np.uint64(60)
    examples = Block(keys, ~keys, arrays)
    blocks = list(examples.split(5))
    folder = tmp_path_factory.mktemp("cache")
    write_cache(
        folder,
        Schema(tuple(fields)),
        {},
        [lambda i=i: blocks[i::shards] for i in range(shards)],  # type: ignore[misc]
        num_examples=count,
        mean_lengths={field.name: 2.0 for field in fields},
        block_size=5,
    )
    found = TeacherCache.open(folder, {}).join(examples.keys, examples.digests)
    for name, wanted in arrays.items():
        assert_equal(found[name], wanted)
