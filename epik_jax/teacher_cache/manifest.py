"""The manifest that seals a cache folder.

It says what a cache was made from, what its records hold, which shards are whole and
whether all of them are. Manifests go in and out of `MANIFEST.json`, whose content is
taken as hostile until checked; shards themselves are not opened here.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import operator
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epik_jax.teacher_cache.schema import Schema

FILE_NAME = "MANIFEST.json"
FORMAT = "epik-jax teacher cache"
VERSION = 1
MAX_BYTES = 1 << 26
MAX_SHARDS = 100_000
_SHOWN = 16


@dataclasses.dataclass(frozen=True)
class ShardEntry:
    """A shard that is whole: what it holds, and the digest of its bytes."""

    records: int
    examples: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Geometry:
    """How a cache is cut; another geometry is another cache.

    Attributes:
      num_shards: files.
      num_examples: over all of them.
      block_size: no record holds more examples.
    """

    num_shards: int
    num_examples: int
    block_size: int


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a cache is, and how much of it is there.

    Attributes:
      schema: fields of a record.
      fingerprint: what the signals depend on, by part: teacher, vocabulary, ...
      geometry: how it is cut.
      predicted_bytes: the size that was promised before writing.
      shards: the whole ones, by file name.
      complete: true once every shard is whole and their counts agree.
    """

    schema: Schema
    fingerprint: Mapping[str, str]
    geometry: Geometry
    predicted_bytes: int = 0
    shards: Mapping[str, ShardEntry] = dataclasses.field(default_factory=dict)
    complete: bool = False

    @property
    def shard_names(self) -> list[str]:
        """File names of all shards, whole or not, in order."""
        count = self.geometry.num_shards
        return [f"signals-{i:05d}-of-{count:05d}.tfrecord" for i in range(count)]

    @property
    def totals(self) -> dict[str, int]:
        """Records, examples and bytes over the whole shards."""
        kinds = ("records", "examples", "bytes")
        entries = self.shards.values()
        return {kind: sum(getattr(entry, kind) for entry in entries) for kind in kinds}

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain values."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "fields": self.schema.to_json(),
            "fingerprint": dict(self.fingerprint),
            "geometry": dataclasses.asdict(self.geometry),
            "predicted_bytes": self.predicted_bytes,
            "shards": {k: dataclasses.asdict(v) for k, v in self.shards.items()},
            "complete": self.complete,
            "totals": self.totals,
        }


def read_manifest(folder: Path) -> Manifest:
    """Reads and checks a folder's manifest.

    Args:
      folder: the cache.

    Returns:
      A manifest whose shard names are plain names inside the folder.

    Raises:
      FileNotFoundError: there is none.
      ValueError: not one of ours, or changed by another hand; says what is wrong.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no teacher cache here")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: over {MAX_BYTES} bytes, not a manifest")
    try:
        return _parse(json.loads(path.read_bytes()))
    except (ValueError, RecursionError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def matching_manifest(folder: Path, plan: Manifest) -> Manifest:
    """The folder's manifest, if it is of the cache that is asked for.

    Raises:
      ValueError: fingerprint, schema or geometry differ; names what and both values.
    """
    there = read_manifest(folder)
    check_fingerprint(folder, there.fingerprint, plan.fingerprint)
    for what in ("schema", "geometry"):
        made, wanted = getattr(there, what), getattr(plan, what)
        if made != wanted:
            raise ValueError(
                f"{folder}: this teacher cache has another {what}: {made} in the "
                f"cache, {wanted} now. Give another folder, or delete this one."
            )
    return there


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replaces a folder's manifest in one motion; a crash leaves the old or the new."""
    path = folder / FILE_NAME
    draft = folder / f"{FILE_NAME}.tmp"
    text = json.dumps(manifest.to_json(), sort_keys=True, indent=1, ensure_ascii=False)
    with open(draft, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    publish(draft, path)


def publish(draft: Path, path: Path) -> None:
    """Gives a finished, synced file its name, and makes the name survive a crash."""
    os.replace(draft, path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def differences(made: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """One phrase per part in which two fingerprints differ, values shortened."""
    phrases = []
    for part in sorted(made.keys() | wanted.keys()):
        pair = [made.get(part, "absent"), wanted.get(part, "absent")]
        if made.get(part) != wanted.get(part):
            # Shown from a little before the first character that differs.
            same = itertools.takewhile(bool, map(operator.eq, *pair))
            first = max(sum(same) - 4, 0)
            there, now = (_short(value, first) for value in pair)
            phrases.append(f"{part} ({there} in the cache, {now} now)")
    return phrases


def check_fingerprint(
    folder: Path, made: Mapping[str, str], wanted: Mapping[str, str]
) -> None:
    """Raises ValueError naming each part that is not what is asked for."""
    if parts := differences(made, wanted):
        raise ValueError(
            f"{folder}: this teacher cache was made for something else: "
            f"{'; '.join(parts)}. Give another folder, or delete this one."
        )


def _short(value: str, first: int) -> str:
    if len(value) <= _SHOWN:
        return value
    tail = "..." if first + _SHOWN < len(value) else ""
    return f"{'...' if first else ''}{value[first : first + _SHOWN]}{tail}"


def _parse(tree: Any) -> Manifest:
    """Checks plain values and makes a manifest of them."""
    top = _typed(tree, dict, "the manifest")
    if top.get("format") != FORMAT:
        raise ValueError(f"not a manifest of a teacher cache: {str(top)[:60]}")
    if top.get("version") != VERSION:
        raise ValueError(
            f"version {top.get('version')} of the format, this program reads {VERSION}"
        )
    fingerprint = _typed(top.get("fingerprint"), dict, "the fingerprint")
    for part, value in fingerprint.items():
        _typed(value, str, f"fingerprint part {part}")
    manifest = Manifest(
        schema=Schema.from_json(top.get("fields")),
        fingerprint=fingerprint,
        geometry=Geometry(**_counts(top.get("geometry"), Geometry, "the geometry")),
        predicted_bytes=_count(top.get("predicted_bytes"), "predicted_bytes"),
        complete=_typed(top.get("complete"), bool, "complete"),
    )
    if not 1 <= manifest.geometry.num_shards <= MAX_SHARDS:
        raise ValueError(f"{manifest.geometry.num_shards} shards")
    shards = _typed(top.get("shards"), dict, "shards")
    if strange := sorted(shards.keys() - set(manifest.shard_names)):
        raise ValueError(f"{strange[0]!r} cannot be a shard of this cache")
    entries = {name: _entry(name, shards[name]) for name in sorted(shards)}
    manifest = dataclasses.replace(manifest, shards=entries)
    _check_counts(manifest, top.get("totals"))
    return manifest


def _check_counts(manifest: Manifest, totals: Any) -> None:
    if totals != manifest.totals:
        raise ValueError(f"totals {totals} do not fit its shards' {manifest.totals}")
    if not manifest.complete:
        return
    have, want = manifest.totals["examples"], manifest.geometry.num_examples
    if len(manifest.shards) != manifest.geometry.num_shards or have != want:
        raise ValueError(
            f"sealed with {len(manifest.shards)} of {manifest.geometry.num_shards} "
            f"shards and {have} of {want} examples"
        )


def _entry(name: str, tree: Any) -> ShardEntry:
    sha256 = tree.get("sha256") if isinstance(tree, dict) else None
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"shard {name} has no sha256")
    rest = {kind: value for kind, value in tree.items() if kind != "sha256"}
    return ShardEntry(**_counts(rest, ShardEntry, f"shard {name}"), sha256=sha256)


def _counts(tree: Any, kind: type, what: str) -> dict[str, int]:
    wanted = {f.name for f in dataclasses.fields(kind)} - {"sha256"}
    if _typed(tree, dict, what).keys() != wanted:
        raise ValueError(f"{what} must say {sorted(wanted)}")
    return {name: _count(tree[name], f"{what}: {name}") for name in wanted}


def _count(value: Any, what: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 60:
        raise ValueError(f"{what} is {str(value)[:40]!r}, not a count")
    return value


def _typed(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{what} is not a {kind.__name__}")
    return value
