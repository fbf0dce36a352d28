"""Reading a cache: round trips of every kind of field, joins, damage, summaries."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache import tfrecord
from epik_jax.teacher_cache.manifest import (
    FILE_NAME,
    ShardEntry,
    read_manifest,
    write_manifest,
)
from epik_jax.teacher_cache.reader import TeacherCache, inspect
from epik_jax.teacher_cache.schema import DTYPES, Block, Field, Nested, Schema
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


def _examples(count: int, seed: int = 0) -> Block:
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


def _write(folder: Path, examples: Block, shards: int = 3, block_size: int = 4) -> None:
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


def _assert_equal(found: np.ndarray | Ragged, wanted: np.ndarray | Ragged) -> None:
    if isinstance(wanted, Ragged):
        assert isinstance(found, Ragged)
        np.testing.assert_array_equal(found.lengths, wanted.lengths)
        found, wanted = found.values, wanted.values
    assert isinstance(found, np.ndarray)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("deep", [True, False])
def test_join_gives_what_was_written_in_the_order_asked_for(
    tmp_path: Path, deep: bool
) -> None:
    examples = _examples(50)
    _write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT, deep=deep)
    rows = np.random.default_rng(1).permutation(50)[:20]
    rows = np.append(rows, rows[:3])  # an example may be asked for twice
    found = cache.join(examples.keys[rows], examples.digests[rows])
    wanted = examples.take(rows).arrays
    assert found.keys() == wanted.keys()
    for name in ("tokens", "token_lengths", "log_probs", "scores"):
        _assert_equal(found[name], wanted[name])
    decoded, exact = found["hidden"], wanted["hidden"]
    assert isinstance(decoded, Ragged)
    assert isinstance(exact, Ragged)
    np.testing.assert_array_equal(decoded.offsets, exact.offsets)
    peak = np.abs(exact.values).max(-1, keepdims=True)
    assert (np.abs(decoded.values - exact.values) <= peak / 253).all()


def test_columns_and_rows_agree_with_join(tmp_path: Path) -> None:
    examples = _examples(30)
    _write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    assert (np.diff(cache.keys.astype(object)) > 0).all()
    rows = cache.find(examples.keys, examples.digests)
    joined = cache.join(examples.keys, examples.digests, ["tokens", "scores"])
    assert list(joined) == ["tokens", "scores"]
    tokens, scores = cache.column("tokens"), cache.column("scores")
    assert isinstance(tokens, Ragged)
    assert isinstance(scores, np.ndarray)
    _assert_equal(tokens.take(rows), joined["tokens"])
    _assert_equal(scores[rows], joined["scores"])


def test_hypotheses_of_an_example_come_back_apart(tmp_path: Path) -> None:
    examples = _examples(9)
    _write(tmp_path, examples)
    found = TeacherCache.open(tmp_path, FINGERPRINT).join(
        examples.keys, examples.digests, ["tokens", "token_lengths"]
    )
    tokens, lengths = found["tokens"], found["token_lengths"]
    assert isinstance(tokens, Ragged)
    assert isinstance(lengths, Ragged)
    out, mask = Nested(tokens, lengths).padded(np.arange(9), 2, 5, -1)
    for row in range(9):
        first, second = lengths.row(row)
        assert mask[row].sum(1).tolist() == [first, second]
        assert out[row, 0, :first].tolist() == tokens.row(row)[:first].tolist()
        assert out[row, 1, :second].tolist() == tokens.row(row)[first:].tolist()


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
        _assert_equal(found[name], wanted)


def test_unknown_example_is_named(tmp_path: Path) -> None:
    examples = _examples(8)
    _write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    for stranger in (1, int(examples.keys.max()) + 1):
        keys = examples.keys.copy()
        keys[3] = stranger
        with pytest.raises(ValueError, match=f"no signal for example {stranger:#018x}"):
            cache.join(keys, examples.digests)


def test_unknown_key_of_an_empty_cache_is_named(tmp_path: Path) -> None:
    _write(tmp_path, _examples(0))
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    zero = np.zeros(1, np.uint64)
    with pytest.raises(ValueError, match="no signal for example 0x0000000000000000"):
        cache.find(zero, zero)
    assert len(cache.column("tokens")) == 0


def test_example_encoded_differently_is_named(tmp_path: Path) -> None:
    examples = _examples(8)
    _write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    digests = examples.digests.copy()
    digests[5] ^= np.uint64(1)
    with pytest.raises(ValueError, match="encoded differently") as error:
        cache.join(examples.keys, digests)
    assert f"{examples.keys[5]:#018x}" in str(error.value)
    assert "\n" not in str(error.value)


def test_keys_of_another_dtype_are_refused(tmp_path: Path) -> None:
    examples = _examples(8)
    _write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    with pytest.raises(ValueError, match="not uint64"):
        cache.find(examples.keys.astype(np.int64), examples.digests)


def test_unknown_field_is_refused_by_name(tmp_path: Path) -> None:
    _write(tmp_path, _examples(8))
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    with pytest.raises(ValueError, match="no field 'logits'; it has tokens"):
        cache.column("logits")


def test_another_fingerprint_is_refused_by_part(tmp_path: Path) -> None:
    _write(tmp_path, _examples(8))
    for part in FINGERPRINT:
        with pytest.raises(ValueError, match=rf": {part} \("):
            TeacherCache.open(tmp_path, FINGERPRINT | {part: "other"})


def test_unfinished_cache_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, _examples(30))
    manifest = read_manifest(tmp_path)
    shards = dict(list(manifest.shards.items())[:2])
    manifest = dataclasses.replace(manifest, shards=shards, complete=False)
    write_manifest(tmp_path, manifest)
    with pytest.raises(ValueError, match=r"unfinished \(2 of 3 shards\)"):
        TeacherCache.open(tmp_path, FINGERPRINT)
    assert inspect(tmp_path)["complete"] is False
    assert inspect(tmp_path)["shards"] == "2 of 3"


def test_flips_and_cuts_anywhere_in_a_cache_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, _examples(40))
    draw = np.random.default_rng(3)
    names = sorted(read_manifest(tmp_path).shards)
    for trial in range(200):
        path = tmp_path / names[draw.integers(len(names))]
        original = path.read_bytes()
        content = bytearray(original)
        if trial % 2:
            content[draw.integers(len(content))] ^= 1 << draw.integers(8)
        else:
            del content[draw.integers(len(content)) :]
        path.write_bytes(content)
        with pytest.raises(tfrecord.CorruptShardError, match=path.name):
            TeacherCache.open(tmp_path, FINGERPRINT)
        path.write_bytes(original)
    TeacherCache.open(tmp_path, FINGERPRINT)


def _forge(folder: Path, features: dict[str, bytes]) -> None:
    """Replaces a cache by one record that is whole, and says so in the manifest."""
    manifest = read_manifest(folder)
    name = manifest.shard_names[0]
    content = b"".join(tfrecord.frame(tfrecord.encode_example(features)))
    (folder / name).write_bytes(content)
    entry = ShardEntry(1, 2, len(content), "0" * 64)
    shards = dict.fromkeys(manifest.shard_names, ShardEntry(0, 0, 0, "0" * 64))
    for other in manifest.shard_names[1:]:
        (folder / other).write_bytes(b"")
    geometry = dataclasses.replace(manifest.geometry, num_examples=2)
    shards[name] = entry
    write_manifest(
        folder, dataclasses.replace(manifest, shards=shards, geometry=geometry)
    )


def test_records_that_contradict_the_schema_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, _examples(8))
    good = SCHEMA.encode(_examples(2))
    _forge(tmp_path, good)
    assert len(TeacherCache.open(tmp_path, FINGERPRINT, deep=False)) == 2

    def lengths(*values: int) -> bytes:
        return np.array(values, "<i4").tobytes()

    twice = good["keys"][:8] * 2
    for changed in (
        {"tokens/lengths": lengths(2**31 - 1, 2**31 - 1)},
        {"tokens/lengths": lengths(-1, len(good["tokens"]) // 4 + 1)},
        {"tokens/lengths": lengths(1)},
        {"tokens/lengths": b"123"},
        {"hidden/scale": good["hidden/scale"] + b"0000"},
        {"scores": good["scores"][:-4]},
        {"digests": good["digests"][:8]},
        {"keys": b""},
        {"surplus": b"x"},
        {"keys": twice},
    ):
        _forge(tmp_path, good | changed)
        with pytest.raises(tfrecord.CorruptShardError, match="record 0"):
            TeacherCache.open(tmp_path, FINGERPRINT, deep=False)
    for name in good:
        _forge(tmp_path, {k: v for k, v in good.items() if k != name})
        with pytest.raises(tfrecord.CorruptShardError, match="record 0"):
            TeacherCache.open(tmp_path, FINGERPRINT, deep=False)


def test_summary_is_json_and_counts_lengths(tmp_path: Path) -> None:
    examples = _examples(40)
    _write(tmp_path, examples)
    summary = json.loads(json.dumps(inspect(tmp_path)))
    tokens = examples.arrays["tokens"]
    assert isinstance(tokens, Ragged)
    values, counts = np.unique(tokens.lengths, return_counts=True)
    assert summary["lengths"]["tokens"] == {
        str(value): count for value, count in zip(values, counts, strict=True)
    }
    assert set(summary["lengths"]) == set(MEANS)
    assert summary["fingerprint"] == FINGERPRINT
    size = sum(path.stat().st_size for path in tmp_path.glob("*.tfrecord"))
    assert summary["bytes_per_example"] == size / 40
    assert summary["totals"]["examples"] == 40
    assert summary["complete"] is True


def test_reading_needs_neither_jax_nor_tensorflow() -> None:
    code = (
        "import sys, epik_jax.teacher_cache.reader, epik_jax.teacher_cache.writer;"
        "print({'jax', 'tensorflow', 'google.protobuf'} & sys.modules.keys())"
    )
    root = Path(tfrecord.__file__).parents[2]
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, cwd=root, text=True).strip() == "set()"


def test_a_manifest_that_points_elsewhere_opens_nothing(tmp_path: Path) -> None:
    _write(tmp_path / "cache", _examples(8))
    path = tmp_path / "cache" / FILE_NAME
    (tmp_path / "signals-00000-of-00003.tfrecord").write_bytes(b"secret")
    text = path.read_text().replace("signals-00000", "../signals-00000")
    path.write_text(text)
    with pytest.raises(ValueError, match="cannot be a shard"):
        TeacherCache.open(tmp_path / "cache", FINGERPRINT)


def test_tensorflow_users_can_parse_a_cache(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    examples = _examples(8)
    _write(tmp_path, examples, shards=1, block_size=8)
    (record,) = tf.data.TFRecordDataset(
        [str(path) for path in tmp_path.glob("*.tfrecord")]
    )
    names = ("tokens", "tokens/lengths", "scores", "keys")
    kinds = {name: tf.io.FixedLenFeature([], tf.string) for name in names}
    parsed = tf.io.parse_single_example(record, kinds)
    tokens = examples.arrays["tokens"]
    assert isinstance(tokens, Ragged)
    theirs = tf.RaggedTensor.from_row_lengths(
        tf.io.decode_raw(parsed["tokens"], tf.int32),
        tf.io.decode_raw(parsed["tokens/lengths"], tf.int32),
    )
    assert theirs.to_list() == [tokens.row(i).tolist() for i in range(8)]
    scores = tf.io.decode_raw(parsed["scores"], tf.float32).numpy()
    np.testing.assert_array_equal(scores.reshape(8, 2, 3), examples.arrays["scores"])
    keys = tf.io.decode_raw(parsed["keys"], tf.int64)  # it knows no uint64
    np.testing.assert_array_equal(tf.bitcast(keys, tf.uint64), examples.keys)
