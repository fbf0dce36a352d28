"""Writes a teacher cache, shard by sealed shard.

Blocks go in; shards and a manifest come out. A killed or failed run leaves whole shards
that the next run keeps, and never a cache that passes for finished. What the arrays
mean, and which teacher made them, is not known here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from epik_jax.teacher_cache.manifest import (
    FILE_NAME,
    Geometry,
    Manifest,
    ShardEntry,
    matching_manifest,
    read_manifest,
    write_manifest,
)
from epik_jax.teacher_cache.reader import index_shards
from epik_jax.teacher_cache.schema import Block, Schema
from epik_jax.teacher_cache.shard import (
    explained,
    megabytes,
    noted_entry,
    remove_note,
    write_noted_shard,
    write_shard,
)
from epik_jax.teacher_cache.team import ALONE, Team
from epik_jax.teacher_cache.tfrecord import FRAME_BYTES

BLOCK_SIZE = 256
_LOCK_NAME = ".lock"
# Varint lengths and tags of one feature, when its value is between 16 kB and 2 MB.
_FEATURE_BYTES = 17


def predicted_bytes(
    schema: Schema,
    num_examples: int,
    mean_lengths: Mapping[str, float],
    *,
    block_size: int = BLOCK_SIZE,
) -> int:
    """How large a cache will be; to be shown before it is written.

    Args:
      schema: fields of a record.
      num_examples: over all shards.
      mean_lengths: per ragged field, mean length over the examples.
      block_size: examples per record.

    Returns:
      Bytes of all shards; right within a percent where the mean lengths are.

    Raises:
      ValueError: a ragged field has no mean length.
    """
    names, per_example = ["keys", "digests"], 16.0
    for field in schema.fields:
        if field.ragged and field.name not in mean_lengths:
            raise ValueError(f"the mean length of field {field.name!r} is not given")
        length = mean_lengths[field.name] if field.ragged else 1
        names += [part.name for part in field.parts]
        per_example += length * sum(part.element_bytes for part in field.parts)
        if field.ragged:
            names.append(field.lengths_name)
            per_example += 4
    per_record = FRAME_BYTES + sum(len(name) + _FEATURE_BYTES for name in names)
    return round(num_examples * per_example + num_examples / block_size * per_record)


def write_cache(
    folder: str | Path,
    schema: Schema,
    fingerprint: Mapping[str, str],
    shards: Sequence[Callable[[], Iterable[Block]]],
    *,
    num_examples: int,
    mean_lengths: Mapping[str, float],
    block_size: int = BLOCK_SIZE,
    on_kept: Callable[[int], None] = lambda num_examples: None,
    team: Team = ALONE,
) -> Manifest:
    """Writes a cache, goes on with an unfinished one, or keeps a finished one.

    Args:
      folder: made if absent; nothing else may live in it.
      schema: fields of a record.
      fingerprint: what the signals depend on, by part (teacher, vocabulary, data, ...).
      shards: per shard a function that gives its blocks; called only for shards that
        are not whole yet, so its blocks must not depend on the shards before it.
      num_examples: over all shards; checked before the seal.
      mean_lengths: per ragged field, its expected mean length.
      block_size: no block may hold more examples.
      on_kept: told, before anything is written, how many examples are there already.
      team: processes that write it side by side, each with the same arguments.

    Returns:
      The sealed manifest.

    Raises:
      ValueError: the folder holds another cache; or blocks, counts or keys are wrong.
      OSError: no room, before or while writing; what is whole stays.
      BlockingIOError: another process writes here; names its pid.
    """
    plan = Manifest(
        schema=schema,
        fingerprint=dict(fingerprint),
        geometry=Geometry(len(shards), num_examples, block_size),
        predicted_bytes=predicted_bytes(
            schema, num_examples, mean_lengths, block_size=block_size
        ),
    )
    folder = Path(folder)
    if (finished := _finished(folder, plan)) is not None:
        return finished
    with (
        CacheWriter(folder, plan) if team.leads else contextlib.nullcontext() as writer
    ):
        team.wait("cache is begun")
        there = read_manifest(folder)
        on_kept(there.totals["examples"])
        team.wait("manifest is read")  # Before a shard more is listed in it.
        for index in team.share(missing_shards(there)):
            if writer:
                writer.write_shard(index, shards[index]())
            else:
                write_noted_shard(folder, plan, index, shards[index]())
        team.wait("shards are written")
        if writer:
            writer.take_in()
            writer.seal()
    team.wait("cache is sealed")
    return read_manifest(folder)


def missing_shards(manifest: Manifest) -> list[int]:
    """Indices of the shards that are not whole yet."""
    names = enumerate(manifest.shard_names)
    return [index for index, name in names if name not in manifest.shards]


class CacheWriter:
    """The one process that writes a cache folder, for as long as it does.

    For callers that `write_cache` does not fit: enter, write what is `missing`, `seal`.
    """

    def __init__(self, folder: Path, plan: Manifest) -> None:
        """Nothing is touched before the writer is entered.

        Args:
          folder: made if absent.
          plan: what the cache is to be, without shards.
        """
        if plan.geometry.num_shards < 1 or plan.geometry.block_size < 1:
            raise ValueError(f"a cache cannot have {plan.geometry}")
        self.folder = folder
        self.manifest = plan
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> CacheWriter:
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.enter_context(_locked(self.folder))
            self._resume()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def missing(self) -> list[int]:
        """Indices of the shards that are not whole yet."""
        return missing_shards(self.manifest)

    def write_shard(self, index: int, blocks: Iterable[Block]) -> None:
        """Writes one shard; it appears under its name only when it is whole."""
        entry = write_shard(self.folder, self.manifest, index, blocks)
        self._list({self.manifest.shard_names[index]: entry})

    def take_in(self) -> None:
        """Lists the shards that other processes have written meanwhile."""
        names = [self.manifest.shard_names[index] for index in self.missing]
        noted = {name: noted_entry(self.folder, name) for name in names}
        if found := {name: entry for name, entry in noted.items() if entry}:
            self._list(found)
        for name in names:
            remove_note(self.folder, name)

    def seal(self) -> Manifest:
        """Marks the cache complete, once all shards, counts and keys agree.

        Raises:
          ValueError: examples are missing or too many, or an example stands twice.
        """
        wanted, have = self.manifest.geometry, self.manifest.totals["examples"]
        if self.missing or have != wanted.num_examples:
            raise ValueError(
                f"{self.folder}: cannot be sealed: {len(self.missing)} shards are "
                f"missing, {have} of {wanted.num_examples} examples are written"
            )
        index_shards(self.folder, self.manifest, deep=False)
        self._save(complete=True)
        return self.manifest

    def _resume(self) -> None:
        """Takes over what an earlier run left whole; refuses what is not ours."""
        # Drafts of a killed run would be overwritten, but their room is needed now.
        for name in [*self.manifest.shard_names, FILE_NAME]:
            (self.folder / f"{name}.tmp").unlink(missing_ok=True)
        if (self.folder / FILE_NAME).exists():
            there = matching_manifest(self.folder, self.manifest)
            names = [name for name in there.shards if (self.folder / name).exists()]
            whole = {name: there.shards[name] for name in names}
            self.manifest = dataclasses.replace(there, shards=whole, complete=False)
            self.take_in()
            try:
                index_shards(self.folder, self.manifest, deep=True)
            except ValueError as error:
                way_out = "Delete that file to have it rewritten."
                raise ValueError(f"{error}. {way_out}") from None
        rest = self.manifest.predicted_bytes - self.manifest.totals["bytes"]
        free = shutil.disk_usage(self.folder).free
        if rest > free:
            raise OSError(
                errno.ENOSPC,
                f"{self.folder}: {megabytes(rest)} are still to be written and "
                f"{megabytes(free)} are free",
            )
        self._save()

    def _list(self, entries: Mapping[str, ShardEntry]) -> None:
        self._save(shards={**self.manifest.shards, **entries})

    def _save(self, **changes: object) -> None:
        self.manifest = dataclasses.replace(self.manifest, **changes)  # type: ignore[arg-type]
        with explained(self.folder / FILE_NAME):
            write_manifest(self.folder, self.manifest)


def _finished(folder: Path, plan: Manifest) -> Manifest | None:
    """The manifest of a complete, matching cache whose files are all there."""
    if not (folder / FILE_NAME).exists():
        return None
    there = matching_manifest(folder, plan)
    whole = all((folder / name).exists() for name in there.shards)
    return there if there.complete and whole else None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other writers out; the kernel lets go when this process dies."""
    descriptor = os.open(folder / _LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o644)
    with open(descriptor, "r+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = file.read(20).strip() or "unknown"
            raise BlockingIOError(
                f"{folder}: process {pid} is writing this teacher cache"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
