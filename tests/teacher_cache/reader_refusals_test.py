"""What a cache refuses to read, and what its summary says."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cached_examples import FINGERPRINT, MEANS, SCHEMA, make_examples, write

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache import tfrecord
from epik_jax.teacher_cache.manifest import (
    FILE_NAME,
    ShardEntry,
    read_manifest,
    write_manifest,
)
from epik_jax.teacher_cache.reader import TeacherCache, inspect


def test_unknown_example_is_named(tmp_path: Path) -> None:
    examples = make_examples(8)
    write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    for stranger in (1, int(examples.keys.max()) + 1):
        keys = examples.keys.copy()
        keys[3] = stranger
        with pytest.raises(ValueError, match=f"no signal for example {stranger:#018x}"):
            cache.join(keys, examples.digests)


def test_unknown_key_of_an_empty_cache_is_named(tmp_path: Path) -> None:
    write(tmp_path, make_examples(0))
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    zero = np.zeros(1, np.uint64)
    with pytest.raises(ValueError, match="no signal for example 0x0000000000000000"):
        cache.find(zero, zero)
    assert len(cache.column("tokens")) == 0


def test_example_encoded_differently_is_named(tmp_path: Path) -> None:
    examples = make_examples(8)
    write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    digests = examples.digests.copy()
    digests[5] ^= np.uint64(1)
    with pytest.raises(ValueError, match="encoded differently") as error:
        cache.join(examples.keys, digests)
    assert f"{examples.keys[5]:#018x}" in str(error.value)
    assert "\n" not in str(error.value)


def test_keys_of_another_dtype_are_refused(tmp_path: Path) -> None:
    examples = make_examples(8)
    write(tmp_path, examples)
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    with pytest.raises(ValueError, match="not uint64"):
        cache.find(examples.keys.astype(np.int64), examples.digests)


def test_unknown_field_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, make_examples(8))
    cache = TeacherCache.open(tmp_path, FINGERPRINT)
    with pytest.raises(ValueError, match="no field 'logits'; it has tokens"):
        cache.column("logits")


def test_another_fingerprint_is_refused_by_part(tmp_path: Path) -> None:
    write(tmp_path, make_examples(8))
    for part in FINGERPRINT:
        with pytest.raises(ValueError, match=rf": {part} \("):
            TeacherCache.open(tmp_path, FINGERPRINT | {part: "other"})


def test_unfinished_cache_is_refused(tmp_path: Path) -> None:
    write(tmp_path, make_examples(30))
    manifest = read_manifest(tmp_path)
    shards = dict(list(manifest.shards.items())[:2])
    manifest = dataclasses.replace(manifest, shards=shards, complete=False)
    write_manifest(tmp_path, manifest)
    with pytest.raises(ValueError, match=r"unfinished \(2 of 3 shards\)"):
        TeacherCache.open(tmp_path, FINGERPRINT)
    assert inspect(tmp_path)["complete"] is False
    assert inspect(tmp_path)["shards"] == "2 of 3"


def test_flips_and_cuts_anywhere_in_a_cache_are_refused(tmp_path: Path) -> None:
    write(tmp_path, make_examples(40))
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
    write(tmp_path, make_examples(8))
    good = SCHEMA.encode(make_examples(2))
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
    examples = make_examples(40)
    write(tmp_path, examples)
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
    write(tmp_path / "cache", make_examples(8))
    path = tmp_path / "cache" / FILE_NAME
    (tmp_path / "signals-00000-of-00003.tfrecord").write_bytes(b"secret")
    text = path.read_text().replace("signals-00000", "../signals-00000")
    path.write_text(text)
    with pytest.raises(ValueError, match="cannot be a shard"):
        TeacherCache.open(tmp_path / "cache", FINGERPRINT)


def test_tensorflow_users_can_parse_a_cache(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    examples = make_examples(8)
    write(tmp_path, examples, shards=1, block_size=8)
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
