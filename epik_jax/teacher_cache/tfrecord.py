"""TFRecord framing and tf.train.Example bytes, without TensorFlow.

Payloads go in and framed, checksummed bytes come out; reading walks a memory map and
hands out the places of payloads and of the features in them. Nothing here knows what a
feature means, how many records a file should hold, or where files lie.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import google_crc32c
import numpy as np

MAX_RECORD_BYTES = 1 << 30
"""No record may be larger; a length beyond it is damage or malice."""

_HEADER_BYTES = 12
_FOOTER_BYTES = 4
FRAME_BYTES = _HEADER_BYTES + _FOOTER_BYTES
"""What framing adds to every record."""

_MESSAGE = 0x0A  # protobuf tag: field 1, length-delimited
_ENTRY_VALUE = 0x12  # protobuf tag: field 2, length-delimited

Span = tuple[int, int]
"""(first byte, number of bytes) of something in a file."""


class CorruptShardError(ValueError):
    """A shard is not what was written; the message names the file and the record."""


def masked_crc(payload: bytes | np.ndarray) -> int:
    """CRC-32C as TFRecord stores it.

    The rotation keeps a file that holds checksums of its own from colliding with them.

    Args:
      payload: bytes, or a contiguous uint8 array (a slice of a memory map, say).

    Returns:
      The masked checksum, 32 bits.

    Source: tensorflow/core/lib/hash/crc32c.h.
    """
    crc = google_crc32c.value(payload)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def frame(payload: bytes) -> tuple[bytes, bytes, bytes]:
    """One record as (header, payload, footer), to be written in that order."""
    if len(payload) > MAX_RECORD_BYTES:
        raise ValueError(
            f"a record of {len(payload)} bytes is over the limit of "
            f"{MAX_RECORD_BYTES}; put fewer examples into a block"
        )
    length = struct.pack("<Q", len(payload))
    header = length + struct.pack("<I", masked_crc(length))
    return header, payload, struct.pack("<I", masked_crc(payload))


def open_bytes(path: Path) -> np.ndarray:
    """Memory-maps a file as uint8; an empty file gives an empty array."""
    if path.stat().st_size == 0:
        return np.zeros(0, np.uint8)
    return np.asarray(np.memmap(path, np.uint8, mode="r"))  # plain: slices are cheap


def walk_records(data: np.ndarray, path: Path, *, deep: bool) -> Iterator[Span]:
    """Finds the payloads of a file.

    Lengths are checked against their checksum, the limit and the bytes that are left
    before anything is done with them.

    Args:
      data: uint8 [bytes of the file].
      path: named in errors.
      deep: whether payload checksums are checked as well, which reads every byte.

    Yields:
      (offset, length) of each payload.

    Raises:
      CorruptShardError: torn, flipped or absurd; names the file and the record from 0.
    """
    at = number = 0
    while at < len(data):
        where = f"{path}: record {number}"
        if len(data) - at < _HEADER_BYTES:
            raise CorruptShardError(f"{where}: cut inside its header")
        length, length_crc = struct.unpack_from("<QI", data.data, at)
        if masked_crc(data[at : at + 8]) != length_crc:
            raise CorruptShardError(f"{where}: its length fails the checksum")
        if length > MAX_RECORD_BYTES:
            raise CorruptShardError(f"{where}: length {length} is over the limit")
        at += _HEADER_BYTES
        if length + _FOOTER_BYTES > len(data) - at:
            raise CorruptShardError(f"{where}: cut, {length} bytes were announced")
        if deep:
            (crc,) = struct.unpack_from("<I", data.data, at + length)
            if masked_crc(data[at : at + length]) != crc:
                raise CorruptShardError(f"{where}: its content fails the checksum")
        yield at, length
        at += length + _FOOTER_BYTES
        number += 1


def check_shard(
    path: Path, *, records: int, size: int, sha256: str, deep: bool
) -> tuple[np.ndarray, list[Span]]:
    """Opens a file and holds it against what is known of it.

    Framing alone cannot see a cut between two records or a record that was replaced by
    a whole one; the counts and the digest can.

    Args:
      path: the file.
      records: how many it must hold.
      size: its bytes.
      sha256: digest of its bytes, in hex.
      deep: whether every byte is checked, or only counts and structure.

    Returns:
      The file as uint8, memory-mapped, and the place of each payload.

    Raises:
      CorruptShardError: names the file, and the record where there is one to blame.
    """
    if not path.is_file():
        raise CorruptShardError(f"{path}: missing; the manifest lists it")
    data = open_bytes(path)
    spans = list(walk_records(data, path, deep=deep))
    if len(spans) != records or len(data) != size:
        raise CorruptShardError(
            f"{path}: record {len(spans)}: the file ends before it, after {len(data)} "
            f"bytes; the manifest says {records} records in {size} bytes"
        )
    if deep and hashlib.sha256(data.data).hexdigest() != sha256:
        raise CorruptShardError(
            f"{path}: sha256 differs from the manifest's though all records are whole: "
            f"one of the records 0 to {records - 1} was replaced"
        )
    return data, spans


def encode_example(features: Mapping[str, bytes]) -> bytes:
    """Serialises bytes features as a tf.train.Example.

    Features are written in the order of their names, so that equal features give equal
    bytes.

    Args:
      features: value of each feature.

    Returns:
      What `tf.train.Example.SerializeToString(deterministic=True)` gives.
    """
    parts: list[bytes] = []
    for name, value in sorted(features.items()):
        # Feature{BytesList{value}}: three headers around one value, built inside out.
        heads = _head(_MESSAGE, len(value))
        heads = _head(_MESSAGE, len(heads) + len(value)) + heads
        heads = _head(_ENTRY_VALUE, len(heads) + len(value)) + heads
        key = name.encode()
        heads = _head(_MESSAGE, len(key)) + key + heads
        parts += [_head(_MESSAGE, len(heads) + len(value)) + heads, value]
    return b"".join([_head(_MESSAGE, sum(map(len, parts))), *parts])


def feature_spans(data: np.ndarray, payload: Span) -> dict[str, Span]:
    """Finds the features of one Example without copying them.

    Args:
      data: uint8 [bytes of the file].
      payload: the record's place in it.

    Returns:
      (offset, length) of each feature's value, offsets into `data`.

    Raises:
      ValueError: not an Example whose features hold one bytes value each.
    """
    found: dict[str, Span] = {}
    at, end = _enter(data, payload[0], sum(payload), _MESSAGE, fills=True)
    while at < end:
        entry, entry_end = _enter(data, at, end, _MESSAGE)
        key, key_end = _enter(data, entry, entry_end, _MESSAGE)
        value, value_end = _enter(data, key_end, entry_end, _ENTRY_VALUE, fills=True)
        for _ in ("BytesList", "value"):
            value, value_end = _enter(data, value, value_end, _MESSAGE, fills=True)
        name = bytes(data[key:key_end]).decode()
        if name in found:
            raise ValueError(f"feature {name!r} appears twice")
        found[name] = value, value_end - value
        at = entry_end
    return found


def _head(tag: int, length: int) -> bytes:
    """A protobuf tag and a varint length."""
    out = bytearray([tag])
    while length > 0x7F:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    out.append(length)
    return bytes(out)


def _enter(
    data: np.ndarray, at: int, end: int, tag: int, *, fills: bool = False
) -> tuple[int, int]:
    """Steps into a length-delimited field: (first byte, byte after the last)."""
    head = bytes(data[at : min(at + 11, end)])
    if not head or head[0] != tag:
        raise ValueError("not an Example of one bytes value per feature")
    length = 0
    for count, byte in enumerate(head[1:]):
        length |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            first = at + 2 + count
            last = first + length
            if last > end or (fills and last != end):
                break
            return first, last
    raise ValueError("a length inside the Example does not fit its surroundings")
