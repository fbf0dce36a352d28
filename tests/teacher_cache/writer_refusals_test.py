"""What a writer refuses, predicts, and does when the disk is full."""

from __future__ import annotations

import builtins
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cached_blocks import (
    FINGERPRINT,
    PER_BLOCK,
    SCHEMA,
    content,
    never,
    numbered_block,
    shards,
    write,
)

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache import shard, writer
from epik_jax.teacher_cache.manifest import read_manifest
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teacher_cache.schema import Block, Field, Schema


@pytest.mark.parametrize("part", FINGERPRINT)
def test_cache_for_something_else_is_not_touched(tmp_path: Path, part: str) -> None:
    write(tmp_path, shards(1))
    before = content(tmp_path)
    with pytest.raises(ValueError, match=rf": {part} \(\S+ in the cache, other now\)"):
        write(tmp_path, [never], fingerprint=FINGERPRINT | {part: "other"})
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"schema": Schema(SCHEMA.fields[:1])}, "another schema"),
        ({"block_size": 9}, "another geometry.*block_size=8.*block_size=9"),
        ({"num_examples": 25}, "another geometry"),
    ],
)
def test_other_schema_or_geometry_is_refused(
    tmp_path: Path, changes: Mapping[str, Any], complaint: str
) -> None:
    write(tmp_path, shards(1))
    with pytest.raises(ValueError, match=complaint):
        write(tmp_path, [never], **changes)


@pytest.mark.parametrize("num_examples", [23, 25])
def test_wrong_counts_are_not_sealed(tmp_path: Path, num_examples: int) -> None:
    with pytest.raises(ValueError, match=f"24 of {num_examples} examples"):
        write(tmp_path, shards(1), num_examples=num_examples)
    assert not read_manifest(tmp_path).complete


def test_example_written_twice_is_not_sealed(tmp_path: Path) -> None:
    (shard,) = shards(1)
    with pytest.raises(ValueError, match="stands already in record 0 of"):
        write(tmp_path, [shard, shard])
    assert not read_manifest(tmp_path).complete


@pytest.mark.parametrize("size", [0, PER_BLOCK])
def test_blocks_of_a_wrong_size_are_refused(tmp_path: Path, size: int) -> None:
    block = numbered_block(0).take(np.arange(size))
    with pytest.raises(ValueError, match=f"a block of {size} is not 1 to 7"):
        write(tmp_path, [lambda: [block]], block_size=7)


def test_prediction_is_within_a_percent(tmp_path: Path) -> None:
    count = 2048
    draw = np.random.default_rng(0)
    lengths = draw.integers(5, 15, count)
    schema = Schema(
        (
            Field("log_probs", "float16", (30,), ragged=True),
            Field("hidden", "float16", (4, 64), storage="int8"),
        )
    )
    keys = np.arange(count, dtype=np.uint64)
    log_probs = np.zeros((int(lengths.sum()), 30), np.float16)
    arrays: dict[str, np.ndarray | Ragged] = {
        "log_probs": Ragged.from_lengths(log_probs, lengths),
        "hidden": np.zeros((count, 4, 64), np.float16),
    }
    predicted = writer.predicted_bytes(schema, count, {"log_probs": lengths.mean()})
    manifest = writer.write_cache(
        tmp_path,
        schema,
        {},
        [lambda: Block(keys, keys, arrays).split(writer.BLOCK_SIZE)],
        num_examples=count,
        mean_lengths={"log_probs": float(lengths.mean())},
    )
    assert manifest.totals["bytes"] == pytest.approx(predicted, rel=0.01)
    assert manifest.predicted_bytes == predicted


def test_prediction_asks_for_every_mean_length() -> None:
    with pytest.raises(ValueError, match="mean length of field 'tokens'"):
        writer.predicted_bytes(SCHEMA, 10, {})


def test_cache_that_does_not_fit_is_refused_before_writing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="still to be written") as error:
        write(tmp_path, [never], num_examples=10**15)
    assert error.value.errno == errno.ENOSPC
    assert str(tmp_path) in str(error.value)
    assert not list(tmp_path.glob("*.tfrecord*"))


class _FullFile:
    """A file whose disk is full after `room` bytes."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def __enter__(self) -> _FullFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, content: bytes) -> None:
        self._room -= len(content)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._file.write(content)


def test_injected_full_disk_is_explained_and_resumable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_open(path: Any, mode: str = "r", **options: Any) -> Any:
        file = builtins.open(path, mode, **options)  # noqa: SIM115
        return _FullFile(file, 1500) if "00001-of" in str(path) else file

    good = shards(3)
    monkeypatch.setattr(shard, "open", full_open, raising=False)
    with pytest.raises(OSError, match=r"the disk is full, \d+ bytes") as error:
        write(tmp_path / "a", good)
    assert error.value.errno == errno.ENOSPC
    assert "signals-00001-of-00003.tfrecord" in str(error.value)
    monkeypatch.undo()
    assert not list((tmp_path / "a").glob("*.tmp"))
    assert len(read_manifest(tmp_path / "a").shards) == 1
    write(tmp_path / "a", [never, *good[1:]])
    write(tmp_path / "b", good)
    assert content(tmp_path / "a") == content(tmp_path / "b")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB, where this user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_real_full_disk_is_explained_and_resumable(small_disk: Path) -> None:
    good = shards(3)
    folder = small_disk / "cache"
    ballast = small_disk / "ballast"

    def full() -> Iterator[Block]:
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 4096))
        yield from good[1]()
        yield from good[1]()  # more than a page

    with pytest.raises(OSError, match=r"the disk is full, \d+ bytes"):
        write(folder, [good[0], full, good[2]])
    assert len(read_manifest(folder).shards) == 1
    ballast.unlink()
    write(folder, [never, *good[1:]])
    TeacherCache.open(folder, FINGERPRINT)
