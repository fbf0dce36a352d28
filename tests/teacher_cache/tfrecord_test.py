"""Framing and Example bytes: against TensorFlow, protobuf and every kind of damage."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.teacher_cache import tfrecord

FEATURES = {"keys": b"\x01" * 200, "a/lengths": b"", "zürich": bytes(range(256)) * 80}


def _payloads(count: int, size: int) -> list[bytes]:
    return [
        np.random.default_rng(i).integers(0, 256, size, np.uint8).tobytes()
        for i in range(count)
    ]


def _file(folder: Path, payloads: list[bytes]) -> Path:
    path = folder / "signals.tfrecord"
    path.write_bytes(b"".join(b"".join(tfrecord.frame(p)) for p in payloads))
    return path


def _check(path: Path, original: bytes, records: int) -> None:
    sha256 = hashlib.sha256(original).hexdigest()
    size = len(original)
    tfrecord.check_shard(path, records=records, size=size, sha256=sha256, deep=True)


def _read(path: Path) -> list[bytes]:
    data = tfrecord.open_bytes(path)
    spans = tfrecord.walk_records(data, path, deep=True)
    return [data[at : at + length].tobytes() for at, length in spans]


def _examples(path: Path) -> list[dict[str, bytes]]:
    data = tfrecord.open_bytes(path)
    return [
        {
            name: data[at : at + size].tobytes()
            for name, (at, size) in tfrecord.feature_spans(data, span).items()
        }
        for span in tfrecord.walk_records(data, path, deep=True)
    ]


def test_masked_crc_of_a_known_vector() -> None:
    # RFC 3720 B.4: CRC-32C of 32 zero bytes is 8a9136aa; then rotated and shifted.
    crc = 0x8A9136AA
    rotated = ((crc >> 15) | (crc << 17)) & 0xFFFFFFFF
    assert tfrecord.masked_crc(bytes(32)) == (rotated + 0xA282EAD8) & 0xFFFFFFFF


def test_records_come_back_in_order(tmp_path: Path) -> None:
    payloads = [b"", b"x", *_payloads(5, 1000)]
    assert _read(_file(tmp_path, payloads)) == payloads


RECORD = 16 + 1000
DAMAGE: dict[str, tuple[Callable[[bytearray], object], str]] = {
    "payload bit": (lambda b: _flip(b, 2 * RECORD + 500), "record 2"),
    "length bit": (lambda b: _flip(b, 2 * RECORD + 1), "record 2"),
    "length checksum bit": (lambda b: _flip(b, 2 * RECORD + 9), "record 2"),
    "payload checksum bit": (lambda b: _flip(b, 3 * RECORD - 1), "record 2"),
    "cut in a payload": (lambda b: _cut(b, 2 * RECORD + 300), "record 2"),
    "cut in a header": (lambda b: _cut(b, 2 * RECORD + 5), "record 2"),
    "cut in a checksum": (lambda b: _cut(b, 3 * RECORD - 2), "record 2"),
    "cut between records": (lambda b: _cut(b, 2 * RECORD), "record 2"),
    "zero tail": (lambda b: b.extend(bytes(4096)), "record 5"),
    "empty file": (lambda b: b.clear(), "record 0"),
    "record duplicated": (lambda b: b.extend(b[:RECORD]), "record 6"),
    "record replaced": (lambda b: _replace(b), "records 0 to 4"),
}


def _flip(content: bytearray, at: int) -> None:
    content[at] ^= 4


def _cut(content: bytearray, at: int) -> None:
    del content[at:]


def _replace(content: bytearray) -> None:
    content[RECORD : 2 * RECORD] = content[:RECORD]


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_refused_by_file_and_record(tmp_path: Path, damage: str) -> None:
    path = _file(tmp_path, _payloads(5, 1000))
    original = path.read_bytes()
    _check(path, original, 5)
    content = bytearray(original)
    break_it, record = DAMAGE[damage]
    break_it(content)
    path.write_bytes(content)
    with pytest.raises(tfrecord.CorruptShardError, match=record) as error:
        _check(path, original, 5)
    assert str(path) in str(error.value)


def test_every_random_flip_and_cut_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, _payloads(6, 100))
    original = path.read_bytes()
    generator = np.random.default_rng(7)
    for trial in range(400):
        content = bytearray(original)
        if trial % 2:
            content[generator.integers(len(content))] ^= 1 << generator.integers(8)
        else:
            del content[generator.integers(len(content)) :]
        path.write_bytes(content)
        with pytest.raises(tfrecord.CorruptShardError, match=r"record"):
            _check(path, original, 6)


def test_an_absurd_length_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "signals.tfrecord"
    for length in (2**60, 2**64 - 1, tfrecord.MAX_RECORD_BYTES):
        head = struct.pack("<Q", length)
        crc = struct.pack("<I", tfrecord.masked_crc(head))
        path.write_bytes(head + crc + bytes(100))
        with pytest.raises(tfrecord.CorruptShardError, match="record 0"):
            _read(path)


def test_no_record_over_the_limit_is_written_or_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path, [b"x" * 200])
    monkeypatch.setattr(tfrecord, "MAX_RECORD_BYTES", 199)
    with pytest.raises(tfrecord.CorruptShardError, match="200 is over the limit"):
        _read(path)
    with pytest.raises(ValueError, match="200 bytes is over the limit of 199"):
        tfrecord.frame(b"x" * 200)


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(tfrecord.CorruptShardError, match=r"gone\.tfrecord: missing"):
        _check(tmp_path / "gone.tfrecord", b"", 0)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=9), st.binary(max_size=300), min_size=1))
def test_features_are_found_where_they_were_put(features: dict[str, bytes]) -> None:
    payload = tfrecord.encode_example(features)
    data = np.frombuffer(b"junk" + payload, np.uint8)
    spans = tfrecord.feature_spans(data, (4, len(payload)))
    found = {name: data[at : at + n].tobytes() for name, (at, n) in spans.items()}
    assert found == features


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_hostile_examples_end_in_value_errors(payload: bytes) -> None:
    data = np.frombuffer(payload, np.uint8)
    try:
        spans = tfrecord.feature_spans(data, (0, len(payload)))
    except ValueError:
        return
    assert all(at >= 0 and at + n <= len(payload) for at, n in spans.values())


@settings(deadline=None)
@given(st.data())
def test_a_bent_example_never_points_outside(data: st.DataObject) -> None:
    content = bytearray(tfrecord.encode_example({"a": b"12345", "b/c": bytes(130)}))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    array = np.frombuffer(bytes(content), np.uint8)
    try:
        spans = tfrecord.feature_spans(array, (0, len(content)))
    except ValueError:
        return
    assert all(at >= 0 and at + n <= len(content) for at, n in spans.values())


def test_a_feature_that_reaches_into_the_next_record_is_refused() -> None:
    content = bytearray(tfrecord.encode_example({"a": b"12345"}))
    content[1] -= 1  # the features end one byte before their only entry
    data = np.frombuffer(bytes(content), np.uint8)
    with pytest.raises(ValueError, match="does not fit"):
        tfrecord.feature_spans(data, (0, len(content) - 1))


def test_example_bytes_equal_protobufs() -> None:
    descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
    from google.protobuf import descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="example.proto", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto

    def message(
        name: str, field: str, kind: int, type_name: str, repeated: bool
    ) -> None:
        label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
        made = file.message_type.add(name=name).field.add(
            name=field, number=1, type=kind, label=label
        )
        if type_name:
            made.type_name = type_name

    message("BytesList", "value", kinds.TYPE_BYTES, "", True)
    message("Feature", "bytes_list", kinds.TYPE_MESSAGE, ".BytesList", False)
    message("Features", "feature", kinds.TYPE_MESSAGE, ".Features.FeatureEntry", True)
    message("Example", "features", kinds.TYPE_MESSAGE, ".Features", False)
    entry = file.message_type[2].nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kinds.TYPE_STRING, label=1)
    entry.field.add(
        name="value", number=2, type=kinds.TYPE_MESSAGE, label=1, type_name=".Feature"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    example_class = message_factory.GetMessageClass(
        pool.FindMessageTypeByName("Example")
    )
    example = example_class()
    for name, value in FEATURES.items():
        example.features.feature[name].bytes_list.value.append(value)
    theirs = example.SerializeToString(deterministic=True)
    assert tfrecord.encode_example(FEATURES) == theirs


def test_tensorflow_reads_ours_and_we_read_tensorflows(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    ours = _file(tmp_path, [tfrecord.encode_example(FEATURES)] * 3)
    (record, *rest) = tf.data.TFRecordDataset(str(ours)).as_numpy_iterator()
    assert len(rest) == 2
    kinds = {name: tf.io.FixedLenFeature([], tf.string) for name in FEATURES}
    parsed = tf.io.parse_single_example(record, kinds)
    assert {name: value.numpy() for name, value in parsed.items()} == FEATURES

    example = tf.train.Example()
    for name, value in FEATURES.items():
        example.features.feature[name].bytes_list.value.append(value)
    assert tfrecord.encode_example(FEATURES) == example.SerializeToString(
        deterministic=True
    )
    theirs = tmp_path / "theirs.tfrecord"
    with tf.io.TFRecordWriter(str(theirs)) as writer:
        for _ in range(3):
            writer.write(example.SerializeToString())
    assert _examples(theirs) == [FEATURES] * 3
