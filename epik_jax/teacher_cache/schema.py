"""What one record of the cache is; writer, reader and verifier know it from here alone.

Blocks of examples go in and bytes features come out, and back. A record holds N
examples: `keys` and `digests` (uint64 [N]) and, per field, all its values one after the
other; a ragged field adds `<field>/lengths` (int32 [N]), an int8-stored field adds
`<field>/scale` (float32, one per row of the last axis). Everything is little-endian and
in C order; dtypes and shapes stand in the manifest. Files are not opened here.

Several hypotheses per example are two ragged fields, see `Nested`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from epik_jax.ragged import Ragged

DTYPES = (
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64"),
)
KEYS, DIGESTS = "keys", "digests"
MAX_ROW_VALUES = 1 << 28

Values: TypeAlias = np.ndarray | Ragged


@dataclasses.dataclass(frozen=True)
class Part:
    """One array of a record: `shape` is that of one element of `dtype`."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def element_bytes(self) -> int:
        """Bytes of one element."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclasses.dataclass(frozen=True)
class Field:
    """One signal of a teacher.

    Attributes:
      name: lower case, such as "log_probs".
      dtype: what the producer gives and the reader returns.
      row_shape: shape per example; of a ragged field, shape per element of its length.
      ragged: whether examples differ in length.
      storage: "exact", or "int8": each row of the last axis is scaled by its largest
        absolute value, so that an entry is off by at most 1/254 of that.
    """

    name: str
    dtype: str
    row_shape: tuple[int, ...] = ()
    ragged: bool = False
    storage: str = "exact"

    def __post_init__(self) -> None:
        object.__setattr__(self, "row_shape", tuple(self.row_shape))
        reserved = self.name in (KEYS, DIGESTS)
        if reserved or not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", self.name):
            raise ValueError(f"{self.name!r} cannot name a field")
        if self.dtype not in DTYPES:
            raise ValueError(f"field {self.name}: dtype {self.dtype!r} is none of ours")
        whole = all(type(size) is int and size > 0 for size in self.row_shape)
        if not whole or math.prod(self.row_shape) > MAX_ROW_VALUES:
            raise ValueError(f"field {self.name}: bad row shape {self.row_shape}")
        if self.storage not in ("exact", "int8"):
            raise ValueError(f"field {self.name}: unknown storage {self.storage!r}")
        floats = self.dtype.startswith("float") and self.row_shape
        if self.storage == "int8" and not floats:
            raise ValueError(f"field {self.name}: int8 storage needs rows of floats")

    @property
    def parts(self) -> tuple[Part, ...]:
        """The stored arrays that hold its values (lengths not among them)."""
        if self.storage == "exact":
            return (Part(self.name, self.dtype, self.row_shape),)
        scale = Part(f"{self.name}/scale", "float32", self.row_shape[:-1])
        return (Part(self.name, "int8", self.row_shape), scale)

    @property
    def lengths_name(self) -> str:
        """The record's feature that holds its lengths, where it is ragged."""
        return f"{self.name}/lengths"

    def pack(self, values: np.ndarray) -> tuple[np.ndarray, ...]:
        """Values as stored, in the order of `parts`."""
        if self.storage == "exact":
            return (values,)
        exact = values.astype(np.float64)
        peak = np.abs(exact).max(axis=-1, initial=0.0).astype(np.float32)
        if not np.isfinite(peak).all():
            raise ValueError(f"field {self.name}: values are not finite")
        steps = 127.0 / np.where(peak > 0, peak, 1.0)[..., None].astype(np.float64)
        whole = np.clip(np.rint(exact * steps), -127, 127).astype(np.int8)
        return whole, peak

    def unpack(self, stored: Sequence[np.ndarray]) -> np.ndarray:
        """Inverse of `pack`, up to the error of the storage."""
        if self.storage == "exact":
            return stored[0]
        whole, peak = stored
        return (whole * (peak / np.float32(127))[..., None]).astype(self.dtype)


@dataclasses.dataclass(frozen=True)
class Block:
    """The examples of one record.

    Attributes:
      keys: uint64 [N], who each example is.
      digests: uint64 [N], of the encoded input that the teacher saw.
      arrays: per field [N, *row_shape], or N ragged rows.
    """

    keys: np.ndarray
    digests: np.ndarray
    arrays: Mapping[str, Values]

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray) -> Block:
        """The named examples, in that order."""
        arrays = {
            name: values.take(rows) if isinstance(values, Ragged) else values[rows]
            for name, values in self.arrays.items()
        }
        return Block(self.keys[rows], self.digests[rows], arrays)

    def split(self, block_size: int) -> Iterator[Block]:
        """Cuts it into blocks of at most `block_size` examples."""
        for first in range(0, len(self), block_size):
            yield self.take(np.arange(first, min(first + block_size, len(self))))


@dataclasses.dataclass(frozen=True)
class Schema:
    """The fields of a cache."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))
        names = [field.name for field in self.fields]
        if len(set(names)) < len(names):
            raise ValueError(f"two fields of one name: {names}")

    def field(self, name: str) -> Field:
        """The field of that name; ValueError where there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        have = ", ".join(field.name for field in self.fields)
        raise ValueError(f"the cache has no field {name!r}; it has {have}")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the definition, a part for a cache's fingerprint."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> list[dict[str, Any]]:
        """The fields as plain values."""
        return json.loads(json.dumps([dataclasses.asdict(f) for f in self.fields]))

    @classmethod
    def from_json(cls, rows: Any) -> Schema:
        """Inverse of `to_json`; ValueError where it is something else."""
        kinds = {"name": str, "dtype": str, "storage": str, "ragged": bool}
        kinds["row_shape"] = list
        for row in rows if isinstance(rows, list) else [rows]:
            if not isinstance(row, dict) or row.keys() != kinds.keys():
                raise ValueError(f"not a field: {str(row)[:80]}")
            if any(not isinstance(row[name], kind) for name, kind in kinds.items()):
                raise ValueError(f"not a field: {str(row)[:80]}")
        return cls(tuple(Field(**row) for row in rows))

    def encode(self, block: Block) -> dict[str, bytes]:
        """One block as the features of a record.

        Raises:
          ValueError: fields, dtypes, shapes or counts are not the schema's.
        """
        if block.arrays.keys() != {field.name for field in self.fields}:
            ours = sorted(field.name for field in self.fields)
            raise ValueError(f"a block of {sorted(block.arrays)} is not one of {ours}")
        features = {
            KEYS: _stored(KEYS, block.keys, "uint64", (len(block),)),
            DIGESTS: _stored(DIGESTS, block.digests, "uint64", (len(block),)),
        }
        for field in self.fields:
            values = block.arrays[field.name]
            if field.ragged != isinstance(values, Ragged):
                kind = "ragged" if field.ragged else "dense"
                raise ValueError(f"field {field.name}: the schema says {kind}")
            if len(values) != len(block):
                raise ValueError(
                    f"field {field.name}: {len(values)} rows for {len(block)} keys"
                )
            if isinstance(values, Ragged):
                # Through from_lengths: it refuses lengths that do not fill the values.
                values = Ragged.from_lengths(values.values, values.lengths)
                lengths = values.lengths.astype("<i4").tobytes()
                features[field.lengths_name] = lengths
                values = values.values
            shape = (len(values), *field.row_shape)
            _stored(field.name, values, field.dtype, shape)
            for part, array in zip(field.parts, field.pack(values), strict=True):
                features[part.name] = _stored(
                    part.name, array, part.dtype, (len(values), *part.shape)
                )
        return features


def _stored(name: str, array: np.ndarray, dtype: str, shape: tuple[int, ...]) -> bytes:
    """Bytes of an array that is what the schema says, without any cast."""
    if array.dtype != np.dtype(dtype) or array.shape != shape:
        raise ValueError(
            f"field {name}: {array.dtype} {list(array.shape)} given, "
            f"{dtype} {list(shape)} expected"
        )
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


@dataclasses.dataclass(frozen=True)
class Nested:
    """Several sequences per example, each of its own length.

    In a schema these are two ragged fields: all sequences of an example one after the
    other (`tokens`), and how long each of them is (`token_lengths`).

    Attributes:
      values: N rows; a row is an example's sequences, joined.
      lengths: N rows of integers; a row holds the lengths of its sequences, best first.
    """

    values: Ragged
    lengths: Ragged

    def __post_init__(self) -> None:
        per_example = np.add.reduceat(
            np.append(self.lengths.values, 0), self.lengths.offsets[:-1]
        ) * (self.lengths.lengths > 0)
        if not np.array_equal(per_example, self.values.lengths):
            raise ValueError("the sequences' lengths do not add up to the examples'")

    @property
    def sequences(self) -> Ragged:
        """Every sequence a row, those of one example after those of the one before."""
        lengths = self.lengths.values.astype(np.int64)
        return Ragged.from_lengths(self.values.values, lengths)

    @property
    def firsts(self) -> np.ndarray:
        """int64 [N], which of the `sequences` is each example's first one."""
        return self.lengths.offsets[:-1]
