"""Reads a teacher cache: checked once, then joined by key.

A folder goes in; arrays for the examples that are asked for come out, in their order.
Records are found by key and digest, never by position. Payloads stay in memory maps.
How arrays become the signals of a batch is not decided here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache.manifest import Manifest, check_fingerprint, read_manifest
from epik_jax.teacher_cache.schema import DIGESTS, KEYS, Part, Schema, Values
from epik_jax.teacher_cache.tfrecord import (
    CorruptShardError,
    check_shard,
    feature_spans,
)

Places: TypeAlias = dict[str, np.ndarray]
"""Columns over examples: keys, digests, shard and record numbers, lengths, and under
each stored part's name the file offset of the example's values."""

_RECORD, _SHARD = "/record", "/shard"  # the slash keeps them apart from fields


@dataclasses.dataclass(frozen=True)
class TeacherCache:
    """A cache, open for reading.

    Attributes:
      folder: where it lies.
      manifest: what it was made from.
      places: columns over its N examples, in rising order of their keys; row numbers
        refer to this order.
      files: bytes of each shard, memory-mapped.
    """

    folder: Path
    manifest: Manifest
    places: Places
    files: tuple[np.ndarray, ...]

    @classmethod
    def open(
        cls,
        folder: str | Path,
        expected_fingerprint: Mapping[str, str] | None,
        *,
        deep: bool = True,
    ) -> TeacherCache:
        """Opens a sealed cache, or says why it cannot be trusted.

        Args:
          folder: the cache.
          expected_fingerprint: what its signals must have been made from; None only to
            look at a cache, never to train on it.
          deep: whether all bytes are checked or only the structure.

        Returns:
          The cache, its payloads memory-mapped.

        Raises:
          FileNotFoundError: there is no cache.
          ValueError: unfinished, or made for something else; names each part.
          CorruptShardError: damaged; names the file and the record.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        if expected_fingerprint is not None:
            check_fingerprint(folder, manifest.fingerprint, expected_fingerprint)
        if not manifest.complete:
            raise ValueError(
                f"{folder}: the teacher cache is unfinished "
                f"({len(manifest.shards)} of {manifest.geometry.num_shards} shards); "
                "run the command that writes it again, it goes on from there"
            )
        return index_shards(folder, manifest, deep=deep)

    @property
    def keys(self) -> np.ndarray:
        """uint64 [N], rising."""
        return self.places[KEYS]

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, keys: np.ndarray, digests: np.ndarray) -> np.ndarray:
        """Finds examples, and makes sure that the teacher saw the same input.

        Args:
          keys: uint64 [B].
          digests: uint64 [B], of the inputs as they are encoded now.

        Returns:
          int64 [B], rows of the cache.

        Raises:
          ValueError: one is absent or was encoded differently; names its key.
        """
        if keys.dtype != np.uint64 or digests.dtype != np.uint64:
            # Other integers would be compared as floats, and found by their neighbours.
            raise ValueError(f"keys {keys.dtype}, digests {digests.dtype}: not uint64")
        if keys.shape != digests.shape or keys.ndim != 1:
            raise ValueError(f"keys {keys.shape} do not fit digests {digests.shape}")
        rows = np.searchsorted(self.keys, keys)
        known = np.append(self.keys, np.uint64(0))[rows] == keys
        missing = np.flatnonzero(~known | (rows == len(self)))
        if len(missing):
            raise ValueError(
                f"{self.folder}: no signal for example {keys[missing[0]]:#018x} "
                f"({len(missing)} of {len(keys)} are missing)"
            )
        made = self.places[DIGESTS][rows]
        if len(other := np.flatnonzero(made != digests)):
            raise ValueError(
                f"{self.folder}: example {keys[other[0]]:#018x} was encoded "
                f"differently for the teacher (digest {made[other[0]]:#018x}, now "
                f"{digests[other[0]]:#018x}; {len(other)} of {len(keys)} differ)"
            )
        return rows

    def join(
        self,
        keys: np.ndarray,
        digests: np.ndarray,
        fields: Sequence[str] | None = None,
    ) -> dict[str, Values]:
        """What the teacher said about the given examples, in their order.

        Args:
          keys: uint64 [B].
          digests: uint64 [B], of the inputs as they are encoded now.
          fields: which signals; None for all.

        Returns:
          Per field [B, *row_shape], or a `Ragged` of B rows.

        Raises:
          ValueError: see `find`; or no such field.
        """
        rows = self.find(keys, digests)
        if fields is None:
            fields = [field.name for field in self.manifest.schema.fields]
        return {name: self.gather(name, rows) for name in fields}

    def column(self, field: str) -> Values:
        """A whole field in row order, to be held in memory where it is small."""
        return self.gather(field, np.arange(len(self)))

    def gather(self, field: str, rows: np.ndarray) -> Values:
        """One field of the given rows, decoded."""
        definition = self.manifest.schema.field(field)
        if not definition.ragged:
            return definition.unpack([self._read(p, rows) for p in definition.parts])
        lengths = self.places[definition.lengths_name][rows]
        stored = [self._read(part, rows, lengths) for part in definition.parts]
        return Ragged.from_lengths(definition.unpack(stored), lengths)

    def _read(
        self, part: Part, rows: np.ndarray, lengths: np.ndarray | None = None
    ) -> np.ndarray:
        """Copies elements out of the maps, one gather per shard."""
        width = part.element_bytes
        starts, shards = self.places[part.name][rows], self.places[_SHARD][rows]
        if lengths is not None:
            before = np.cumsum(lengths) - lengths
            starts = np.repeat(starts - width * before, lengths)
            starts += width * np.arange(len(starts))
            shards = np.repeat(shards, lengths)
        out = np.empty((len(starts), width), np.uint8)
        for shard in np.flatnonzero(np.bincount(shards)):
            # A window at every byte: records do not align their values.
            windows = np.lib.stride_tricks.sliding_window_view(self.files[shard], width)
            mine = np.flatnonzero(shards == shard)
            out[mine] = windows[starts[mine]]
        dtype = np.dtype(part.dtype).newbyteorder("<")
        return out.view(dtype).reshape(len(out), *part.shape)


def index_shards(folder: Path, manifest: Manifest, *, deep: bool) -> TeacherCache:
    """Opens the whole shards of a manifest, be it complete or not.

    Raises:
      CorruptShardError: one is damaged, or two records hold the same example.
    """
    names = sorted(manifest.shards)
    scans = [_scan(folder, i, name, manifest, deep) for i, name in enumerate(names)]
    places = _joined([found for _, found in scans], manifest.schema)
    order = np.argsort(places[KEYS], kind="stable")
    places = {name: column[order] for name, column in places.items()}
    if len(twice := np.flatnonzero(places[KEYS][1:] == places[KEYS][:-1])):
        shards, records = (places[name][twice[0] :] for name in (_SHARD, _RECORD))
        raise CorruptShardError(
            f"{folder / names[shards[1]]}: record {records[1]}: example "
            f"{places[KEYS][twice[0]]:#018x} stands already in record {records[0]} of "
            f"{names[shards[0]]}"
        )
    return TeacherCache(folder, manifest, places, tuple(data for data, _ in scans))


def inspect(folder: str | Path) -> dict[str, Any]:
    """A summary of a cache, finished or not, of plain values that JSON can hold.

    Args:
      folder: the cache; every byte of its finished shards is checked.

    Returns:
      The manifest's entries without its shards; "shards" whole and expected,
      "bytes_per_example", and "lengths": per ragged field, examples by length.
    """
    folder = Path(folder)
    cache = index_shards(folder, manifest := read_manifest(folder), deep=True)
    ragged = [field for field in manifest.schema.fields if field.ragged]
    columns = {f.name: np.sort(cache.places[f.lengths_name]) for f in ragged}
    return manifest.to_json() | {
        "shards": f"{len(manifest.shards)} of {manifest.geometry.num_shards}",
        "bytes_per_example": manifest.totals["bytes"] / max(len(cache), 1),
        "lengths": {name: dict(Counter(map(str, c))) for name, c in columns.items()},
    }


def _scan(
    folder: Path, shard: int, name: str, manifest: Manifest, deep: bool
) -> tuple[np.ndarray, Places]:
    """Checks one shard against the manifest and finds its examples."""
    entry, path = manifest.shards[name], folder / name
    data, spans = check_shard(
        path, records=entry.records, size=entry.bytes, sha256=entry.sha256, deep=deep
    )
    pieces = []
    for record, span in enumerate(spans):
        try:
            found = _locate(data, span, manifest.schema)
        except ValueError as error:
            raise CorruptShardError(f"{path}: record {record}: {error}") from None
        found[_RECORD] = np.full(len(found[KEYS]), record)
        found[_SHARD] = np.full(len(found[KEYS]), shard)
        pieces.append(found)
    places = _joined(pieces, manifest.schema)
    if len(places[KEYS]) != entry.examples:
        raise CorruptShardError(
            f"{path}: {len(places[KEYS])} examples, the manifest says {entry.examples}"
        )
    return data, places


def _locate(data: np.ndarray, span: tuple[int, int], schema: Schema) -> Places:
    """Where the examples of one record lie; each size is held against the others."""
    spans = feature_spans(data, span)
    keys, digests = (_integers(data, spans, name, "<u8") for name in (KEYS, DIGESTS))
    if len(keys) != len(digests):
        raise ValueError(f"{len(keys)} keys with {len(digests)} digests")
    places = {KEYS: keys, DIGESTS: digests}
    for field in schema.fields:
        lengths = np.ones(len(keys), np.int64)
        if field.ragged:
            lengths = _integers(data, spans, field.lengths_name, "<i4").astype(np.int64)
            places[field.lengths_name] = lengths
            if len(lengths) != len(keys) or (lengths < 0).any():
                raise ValueError(f"field {field.name}: bad lengths")
        before = np.cumsum(lengths) - lengths
        for part in field.parts:
            first, size = spans.get(part.name, (0, -1))
            if size != int(lengths.sum()) * part.element_bytes:
                raise ValueError(f"feature {part.name!r} does not fit its lengths")
            places[part.name] = first + before * part.element_bytes
    if spans.keys() != places.keys():
        raise ValueError(f"features {sorted(spans)} are not the schema's")
    return places


def _integers(
    data: np.ndarray, spans: Mapping[str, tuple[int, int]], name: str, dtype: str
) -> np.ndarray:
    first, size = spans.get(name, (0, 1))
    if size % np.dtype(dtype).itemsize:
        raise ValueError(f"feature {name!r} is missing or not whole")
    return data[first : first + size].copy().view(dtype)


def _joined(pieces: Sequence[Places], schema: Schema) -> Places:
    """Columns one after the other; well-formed also where there is no piece."""
    dtypes: dict[str, type] = {KEYS: np.uint64, DIGESTS: np.uint64}
    dtypes |= {_RECORD: np.int64, _SHARD: np.int64}
    for field in schema.fields:
        stored = [part.name for part in field.parts]
        dtypes |= dict.fromkeys(stored + [field.lengths_name] * field.ragged, np.int64)
    return {
        name: np.concatenate([np.zeros(0, dtype), *(piece[name] for piece in pieces)])
        for name, dtype in dtypes.items()
    }
