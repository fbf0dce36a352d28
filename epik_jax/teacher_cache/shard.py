"""One shard of a teacher cache, written whole.

Blocks go in; a file appears under its name when it is whole, with the entry that a
manifest lists it by. A shard that was written for another process's manifest has its
entry in a note beside it until that process takes it in.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from epik_jax.files import write_whole
from epik_jax.teacher_cache.manifest import Manifest, ShardEntry, publish
from epik_jax.teacher_cache.schema import Block
from epik_jax.teacher_cache.tfrecord import encode_example, frame


def write_shard(
    folder: Path, plan: Manifest, index: int, blocks: Iterable[Block]
) -> ShardEntry:
    """Writes one shard of a cache.

    Args:
      folder: of the cache.
      plan: what the cache is to be.
      index: of the shard.
      blocks: its content, in order.

    Raises:
      ValueError: a block is empty or too large.
      OSError: no room; nothing of the shard stays.
    """
    name = plan.shard_names[index]
    draft = folder / f"{name}.tmp"
    with explained(draft), _removed_on_error(draft):
        entry = _write_records(draft, plan, blocks)
        publish(draft, folder / name)
    return entry


def write_noted_shard(
    folder: Path, plan: Manifest, index: int, blocks: Iterable[Block]
) -> None:
    """Writes one shard for the process that holds the manifest, and a note for it.

    Arguments and errors are those of `write_shard`.
    """
    entry = write_shard(folder, plan, index, blocks)
    text = json.dumps(dataclasses.asdict(entry))
    write_whole(_note(folder, plan.shard_names[index]), text)


def noted_entry(folder: Path, name: str) -> ShardEntry | None:
    """What a note says of a shard; None where there is none, or none that is whole."""
    try:
        entry = ShardEntry(**json.loads(_note(folder, name).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return entry if (folder / name).exists() else None


def remove_note(folder: Path, name: str) -> None:
    """Removes the note of a shard, once it is listed or to be written anew."""
    _note(folder, name).unlink(missing_ok=True)


def _note(folder: Path, name: str) -> Path:
    return folder / f"{name}.note"


def _write_records(path: Path, plan: Manifest, blocks: Iterable[Block]) -> ShardEntry:
    digest, limit = hashlib.sha256(), plan.geometry.block_size
    records = examples = size = 0
    with open(path, "wb", buffering=1 << 20) as file:
        for block in blocks:
            if not 1 <= len(block) <= limit:
                raise ValueError(f"a block of {len(block)} is not 1 to {limit}")
            for piece in frame(encode_example(plan.schema.encode(block))):
                file.write(piece)
                digest.update(piece)
                size += len(piece)
            records, examples = records + 1, examples + len(block)
        file.flush()
        os.fsync(file.fileno())
    return ShardEntry(records, examples, size, digest.hexdigest())


@contextlib.contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Says of a full disk which file it hit and how much room there was."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = megabytes(shutil.disk_usage(path.parent).free)
        raise OSError(
            error.errno,
            f"{path}: the disk is full, {free} are free. Shards that were whole are "
            "kept; make room and run the same command again.",
        ) from error


def megabytes(count: float) -> str:
    """A number of bytes in words."""
    return f"{count} bytes ({count / 1e6:.1f} MB)"
