"""Writing a cache: kills, full disks, two writers, resuming and refusing."""

from __future__ import annotations

import builtins
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epik_jax.ragged import Ragged
from epik_jax.teacher_cache import writer
from epik_jax.teacher_cache.manifest import read_manifest
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teacher_cache.schema import Block, Field, Schema

SCHEMA = Schema(
    (Field("tokens", "int32", ragged=True), Field("hidden", "float32", (16,)))
)
FINGERPRINT = {
    part: part * 9
    for part in ("teacher", "vocabulary", "normaliser", "data", "encoding", "schema")
}
BLOCKS, PER_BLOCK = 3, 8
Shard = Callable[[], Iterable[Block]]
Build = Callable[[Path, float, float], Iterator[int]]


def _block(number: int) -> Block:
    keys = np.arange(PER_BLOCK, dtype=np.uint64) + np.uint64(number * PER_BLOCK)
    draw = np.random.default_rng(number)
    lengths = draw.integers(0, 9, PER_BLOCK)
    tokens = draw.integers(0, 99, int(lengths.sum())).astype(np.int32)
    hidden = draw.normal(size=(PER_BLOCK, 16)).astype(np.float32)
    packed = Ragged.from_lengths(tokens, lengths)
    arrays: dict[str, np.ndarray | Ragged] = {"tokens": packed, "hidden": hidden}
    return Block(keys, keys + np.uint64(1), arrays)


def _shards(count: int, pause: float = 0.0) -> list[Shard]:
    def blocks(shard: int) -> Iterator[Block]:
        for number in range(BLOCKS):
            time.sleep(pause)
            yield _block(shard * BLOCKS + number)

    return [lambda shard=shard: blocks(shard) for shard in range(count)]  # type: ignore[misc]


def _write(folder: Path, shards: list[Shard], **changes: Any) -> Any:
    defaults: dict[str, Any] = {
        "schema": SCHEMA,
        "fingerprint": FINGERPRINT,
        "num_examples": len(shards) * BLOCKS * PER_BLOCK,
        "mean_lengths": {"tokens": 4.0},
        "block_size": PER_BLOCK,
    }
    return writer.write_cache(folder, shards=shards, **(defaults | changes))


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _never() -> Iterator[Block]:
    raise AssertionError("a whole shard was computed again")
    yield


def _failing(after: int, error: Exception) -> Iterator[Block]:
    for number in range(after):
        yield _block(100 + number)
    raise error


def test_finished_cache_is_reused_and_not_rebuilt(tmp_path: Path) -> None:
    first = _write(tmp_path, _shards(2))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert _write(tmp_path, [_never, _never]) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_whole_shards_of_a_failed_run_are_kept(tmp_path: Path) -> None:
    good = _shards(3)
    with pytest.raises(RuntimeError, match="teacher died"):
        _write(
            tmp_path / "a",
            [good[0], lambda: _failing(1, RuntimeError("teacher died")), good[2]],
        )
    assert sorted(read_manifest(tmp_path / "a").shards) == [
        "signals-00000-of-00003.tfrecord"
    ]
    assert not list((tmp_path / "a").glob("*.tmp"))
    with pytest.raises(ValueError, match="unfinished"):
        TeacherCache.open(tmp_path / "a", FINGERPRINT)
    _write(tmp_path / "a", [_never, good[1], good[2]])
    _write(tmp_path / "b", good)
    assert _content(tmp_path / "a") == _content(tmp_path / "b")


def test_drafts_of_a_killed_run_give_back_their_room_at_once(tmp_path: Path) -> None:
    (tmp_path / "signals-00001-of-00002.tfrecord.tmp").write_bytes(bytes(10_000))
    first, second = _shards(2)

    def looking() -> Iterable[Block]:
        assert not list(tmp_path.glob("*.tmp"))
        return first()

    _write(tmp_path, [looking, second])


def test_lost_shard_of_a_finished_cache_is_written_again(tmp_path: Path) -> None:
    good = _shards(2)
    _write(tmp_path, good)
    before = _content(tmp_path)
    (tmp_path / "signals-00001-of-00002.tfrecord").unlink()
    _write(tmp_path, [_never, good[1]])
    assert _content(tmp_path) == before


def test_damaged_shard_stops_a_resuming_writer(tmp_path: Path) -> None:
    good = _shards(3)
    _write(tmp_path, good)
    (tmp_path / "signals-00001-of-00003.tfrecord").unlink()
    path = tmp_path / "signals-00000-of-00003.tfrecord"
    content = bytearray(path.read_bytes())
    content[600] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path.name}: record .*Delete that file"):
        _write(tmp_path, good)


CHILD = """
import importlib.util, os, signal, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("writer_test", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for line in sys.stdin:
    delay, pause, folder = line.rstrip().split(" ", 2)
    if (pid := os.fork()) == 0:
        try:
            module._write(Path(folder), module._shards(4, float(pause)))
        finally:
            os._exit(0)
    while not os.path.exists(folder + "/MANIFEST.json"):
        time.sleep(0.001)
    print(pid, flush=True)
    time.sleep(float(delay))
    os.kill(pid, signal.SIGKILL)
    print(os.WTERMSIG(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture
def build() -> Iterator[Build]:
    """Builds a cache in another process, to be killed after `delay` seconds.

    Its blocks take `pause` seconds each, twelve of them. Gives the process's id, then
    the signal that ended it (0 where it ended itself).
    """
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, __file__],
        cwd=Path(writer.__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    def start(folder: Path, delay: float, pause: float) -> Iterator[int]:
        stdin.write(f"{delay} {pause} {folder}\n")
        stdin.flush()
        yield int(stdout.readline())
        yield int(stdout.readline())

    yield start
    stdin.close()
    assert process.wait() == 0
    stdout.close()


def test_killed_builds_end_byte_identical(tmp_path: Path, build: Build) -> None:
    _write(tmp_path / "whole", _shards(4))
    wanted = _content(tmp_path / "whole")
    draw = np.random.default_rng(0)
    kills = 0
    for campaign in range(7):
        folder = tmp_path / str(campaign)
        for _ in range(2):
            _, ended_by = build(folder, draw.uniform(0, 0.06), 0.01)
            kills += ended_by == signal.SIGKILL
            if not read_manifest(folder).complete:
                with pytest.raises(ValueError, match="unfinished"):
                    TeacherCache.open(folder, FINGERPRINT)
        _write(folder, _shards(4))
        assert _content(folder) == wanted
    assert kills >= 5, f"only {kills} of 14 builds were still running when killed"


def test_second_writer_is_refused_by_pid(tmp_path: Path, build: Build) -> None:
    running = build(tmp_path, 0.5, 0.2)
    pid = next(running)
    os.kill(pid, signal.SIGSTOP)  # not reaped before its 0.5 s are over
    start = time.monotonic()
    with pytest.raises(BlockingIOError, match=f"process {pid} is writing"):
        _write(tmp_path, _shards(4))
    assert time.monotonic() - start < 1
    assert next(running) == signal.SIGKILL
    _write(tmp_path, _shards(4))  # the lock died with its holder


def test_lock_is_released_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        _write(tmp_path, [lambda: _failing(0, RuntimeError("x"))])
    with open(tmp_path / ".lock", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert file.read() == ""


@pytest.mark.parametrize("part", FINGERPRINT)
def test_cache_for_something_else_is_not_touched(tmp_path: Path, part: str) -> None:
    _write(tmp_path, _shards(1))
    before = _content(tmp_path)
    with pytest.raises(ValueError, match=rf": {part} \(\S+ in the cache, other now\)"):
        _write(tmp_path, [_never], fingerprint=FINGERPRINT | {part: "other"})
    assert _content(tmp_path) == before


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
    _write(tmp_path, _shards(1))
    with pytest.raises(ValueError, match=complaint):
        _write(tmp_path, [_never], **changes)


@pytest.mark.parametrize("num_examples", [23, 25])
def test_wrong_counts_are_not_sealed(tmp_path: Path, num_examples: int) -> None:
    with pytest.raises(ValueError, match=f"24 of {num_examples} examples"):
        _write(tmp_path, _shards(1), num_examples=num_examples)
    assert not read_manifest(tmp_path).complete


def test_example_written_twice_is_not_sealed(tmp_path: Path) -> None:
    (shard,) = _shards(1)
    with pytest.raises(ValueError, match="stands already in record 0 of"):
        _write(tmp_path, [shard, shard])
    assert not read_manifest(tmp_path).complete


@pytest.mark.parametrize("size", [0, PER_BLOCK])
def test_blocks_of_a_wrong_size_are_refused(tmp_path: Path, size: int) -> None:
    block = _block(0).take(np.arange(size))
    with pytest.raises(ValueError, match=f"a block of {size} is not 1 to 7"):
        _write(tmp_path, [lambda: [block]], block_size=7)


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
        _write(tmp_path, [_never], num_examples=10**15)
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

    good = _shards(3)
    monkeypatch.setattr(writer, "open", full_open, raising=False)
    with pytest.raises(OSError, match=r"the disk is full, \d+ bytes") as error:
        _write(tmp_path / "a", good)
    assert error.value.errno == errno.ENOSPC
    assert "signals-00001-of-00003.tfrecord" in str(error.value)
    monkeypatch.undo()
    assert not list((tmp_path / "a").glob("*.tmp"))
    assert len(read_manifest(tmp_path / "a").shards) == 1
    _write(tmp_path / "a", [_never, *good[1:]])
    _write(tmp_path / "b", good)
    assert _content(tmp_path / "a") == _content(tmp_path / "b")


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
    good = _shards(3)
    folder = small_disk / "cache"
    ballast = small_disk / "ballast"

    def full() -> Iterator[Block]:
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 4096))
        yield from good[1]()
        yield from good[1]()  # more than a page

    with pytest.raises(OSError, match=r"the disk is full, \d+ bytes"):
        _write(folder, [good[0], full, good[2]])
    assert len(read_manifest(folder).shards) == 1
    ballast.unlink()
    _write(folder, [_never, *good[1:]])
    TeacherCache.open(folder, FINGERPRINT)
