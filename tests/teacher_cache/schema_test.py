"""The definition of a record: what it refuses, and what int8 storage costs."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache.schema import Block, Field, Nested, Schema

TOKENS = Field("tokens", "int32", ragged=True)
SCORES = Field("scores", "float32", (2, 3))


def _block(**arrays: np.ndarray | Ragged) -> Block:
    return Block(np.arange(2, dtype=np.uint64), np.arange(2, dtype=np.uint64), arrays)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "keys"},
        {"name": "../up"},
        {"name": "a/lengths"},
        {"dtype": "object"},
        {"dtype": "<f4"},
        {"row_shape": (0,)},
        {"row_shape": (-1,)},
        {"row_shape": (2.0,)},
        {"row_shape": (1 << 20, 1 << 20)},
        {"storage": "int4"},
        {"storage": "int8"},
        {"storage": "int8", "dtype": "int32", "row_shape": (4,)},
    ],
)
def test_bad_fields_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"field|name"):
        Field(**({"name": "scores", "dtype": "float32"} | changes))  # type: ignore[arg-type]


def test_two_fields_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two fields"):
        Schema((TOKENS, TOKENS))


def test_schema_survives_json_and_its_fingerprint_tells_schemas_apart() -> None:
    schema = Schema((TOKENS, SCORES))
    again = Schema.from_json(schema.to_json())
    assert again == schema
    assert again.fingerprint == schema.fingerprint
    assert Schema((SCORES, TOKENS)).fingerprint != schema.fingerprint
    halved = Schema((TOKENS, Field("scores", "float16", (2, 3))))
    assert halved.fingerprint != schema.fingerprint


@pytest.mark.parametrize(
    "rows", [None, {}, [3], [{"name": "a"}], [{**TOKENS.__dict__, "ragged": 1}]]
)
def test_schema_from_strange_json_is_refused(rows: object) -> None:
    with pytest.raises(ValueError, match="not a field"):
        Schema.from_json(rows)


@pytest.mark.parametrize(
    ("scores", "complaint"),
    [
        (np.zeros((2, 2, 3)), "float64 [2, 2, 3] given, float32 [2, 2, 3] expected"),
        (np.zeros((2, 3, 2), np.float32), "float32 [2, 3, 2] given"),
        (np.zeros((3, 2, 3), np.float32), "3 rows for 2 keys"),
        (Ragged.of([[1], [2]]), "the schema says dense"),
    ],
)
def test_arrays_that_are_not_the_schemas_are_refused(
    scores: np.ndarray | Ragged, complaint: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        Schema((SCORES,)).encode(_block(scores=scores))


def test_missing_and_unknown_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="tokens"):
        Schema((TOKENS,)).encode(_block())
    with pytest.raises(ValueError, match="surplus"):
        Schema(()).encode(_block(surplus=np.zeros(2)))


def test_lengths_that_do_not_fill_the_values_are_refused() -> None:
    short = Ragged(np.arange(5, dtype=np.int32), np.array([0, 2, 4]))
    with pytest.raises(ValueError, match="4, values hold 5"):
        Schema((TOKENS,)).encode(_block(tokens=short))


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["float16", "float32"]),
    st.floats(-4, 4),
)
def test_int8_storage_is_off_by_half_a_step_at_most(
    seed: int, dtype: str, exponent: float
) -> None:
    field = Field("hidden", dtype, (5, 16), storage="int8")
    values = np.random.default_rng(seed).normal(size=(7, 5, 16)) * 10.0**exponent
    values[0, 0] = 0.0
    values = values.astype(dtype)
    decoded = field.unpack(field.pack(values))
    assert decoded.dtype == values.dtype
    peak = np.abs(values.astype(np.float64)).max(-1, keepdims=True)
    error = np.abs(decoded.astype(np.float64) - values.astype(np.float64))
    rounding = peak * np.finfo(dtype).eps + np.finfo(dtype).smallest_subnormal
    assert (error <= peak / 254 * 1.000001 + rounding).all()
    assert (decoded[0, 0] == 0).all()


def test_int8_storage_refuses_what_is_not_finite() -> None:
    field = Field("hidden", "float32", (4,), storage="int8")
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="hidden: values are not finite"):
            field.pack(np.array([[1, 2, bad, 3]], np.float32))


def test_blocks_split_and_join_without_loss() -> None:
    keys = np.arange(10, dtype=np.uint64)
    tokens = Ragged.of([list(range(i)) for i in range(10)])
    block = Block(keys, keys * 2, {"tokens": tokens, "scores": keys.astype("float32")})
    pieces = list(block.split(4))
    assert [len(piece) for piece in pieces] == [4, 4, 2]
    assert np.array_equal(np.concatenate([p.keys for p in pieces]), keys)
    for at, piece in zip((0, 4, 8), pieces, strict=True):
        piece_tokens = piece.arrays["tokens"]
        assert isinstance(piece_tokens, Ragged)
        for i in range(len(piece)):
            assert piece_tokens.row(i).tolist() == list(range(at + i))


def test_nested_sequences_are_told_apart_and_the_first_of_each_example_found() -> None:
    values = Ragged.of([[1, 2, 3], [8], [4, 5, 6, 7]])
    nested = Nested(values, Ragged.of([[2, 1], [1], [1, 0, 3]]))
    rows = [nested.sequences.row(i).tolist() for i in range(len(nested.sequences))]
    assert rows == [[1, 2], [3], [8], [4], [], [5, 6, 7]]
    assert nested.firsts.tolist() == [0, 2, 3]


def test_nested_lengths_must_add_up() -> None:
    with pytest.raises(ValueError, match="add up"):
        Nested(Ragged.of([[1, 2, 3], [4]]), Ragged.of([[2], [2]]))
