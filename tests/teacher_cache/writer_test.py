"""Writing a cache: kills, full disks, two writers, resuming and refusing."""

from __future__ import annotations

import fcntl
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import cached_blocks
import pytest
from cached_blocks import (
    BLOCKS,
    FINGERPRINT,
    Build,
    content,
    failing,
    never,
    shards,
    write,
)

from epik_jax.teacher_cache import writer
from epik_jax.teacher_cache.manifest import FILE_NAME, read_manifest
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teacher_cache.schema import Block


def test_finished_cache_is_reused_and_not_rebuilt(tmp_path: Path) -> None:
    first = write(tmp_path, shards(2))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert write(tmp_path, [never, never]) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_whole_shards_of_a_failed_run_are_kept(tmp_path: Path) -> None:
    good = shards(3)
    with pytest.raises(RuntimeError, match="teacher died"):
        write(
            tmp_path / "a",
            [good[0], lambda: failing(1, RuntimeError("teacher died")), good[2]],
        )
    assert sorted(read_manifest(tmp_path / "a").shards) == [
        "signals-00000-of-00003.tfrecord"
    ]
    assert not list((tmp_path / "a").glob("*.tmp"))
    with pytest.raises(ValueError, match="unfinished"):
        TeacherCache.open(tmp_path / "a", FINGERPRINT)
    write(tmp_path / "a", [never, good[1], good[2]])
    write(tmp_path / "b", good)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_drafts_of_a_killed_run_give_back_their_room_at_once(tmp_path: Path) -> None:
    (tmp_path / "signals-00001-of-00002.tfrecord.tmp").write_bytes(bytes(10_000))
    first, second = shards(2)

    def looking() -> Iterable[Block]:
        assert not list(tmp_path.glob("*.tmp"))
        return first()

    write(tmp_path, [looking, second])


def test_lost_shard_of_a_finished_cache_is_written_again(tmp_path: Path) -> None:
    good = shards(2)
    write(tmp_path, good)
    before = content(tmp_path)
    (tmp_path / "signals-00001-of-00002.tfrecord").unlink()
    write(tmp_path, [never, good[1]])
    assert content(tmp_path) == before


def test_damaged_shard_stops_a_resuming_writer(tmp_path: Path) -> None:
    good = shards(3)
    write(tmp_path, good)
    (tmp_path / "signals-00001-of-00003.tfrecord").unlink()
    path = tmp_path / "signals-00000-of-00003.tfrecord"
    content = bytearray(path.read_bytes())
    content[600] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path.name}: record .*Delete that file"):
        write(tmp_path, good)


CHILD = """
import itertools, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import cached_blocks

def build(folder, moment, number):
    moments = itertools.count(1)
    def noted(fn):
        def call(*given):
            if next(moments) == moment:
                os.kill(os.getpid(), number)
            return fn(*given)
        return call
    os.fsync, os.replace = noted(os.fsync), noted(os.replace)
    cached_blocks.numbered_block = noted(cached_blocks.numbered_block)
    cached_blocks.write(Path(folder), cached_blocks.shards(4))

for line in sys.stdin:
    moment, number, folder = line.rstrip().split(" ", 2)
    if (pid := os.fork()) == 0:
        try:
            build(folder, int(moment), int(number))
        finally:
            os._exit(0)
    if int(number) == signal.SIGSTOP:
        os.waitpid(pid, os.WUNTRACED)
    print(pid, flush=True)
    print(os.WTERMSIG(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture
def build() -> Iterator[Build]:
    """Builds a cache in another process that sends itself a signal on the way.

    It does so at a given moment: moments are counted at every block that is made and
    every file that is synced or renamed. Gives the process's id, once it is stopped if
    the signal stops it, then the signal that ended it (0 where it ended itself).
    """
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(Path(cached_blocks.__file__).parent)],
        cwd=Path(writer.__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    def start(folder: Path, moment: int, number: int) -> Iterator[int]:
        stdin.write(f"{moment} {number} {folder}\n")
        stdin.flush()
        yield int(stdout.readline())
        yield int(stdout.readline())

    yield start
    stdin.close()
    assert process.wait() == 0
    stdout.close()


def test_builds_killed_at_any_moment_end_byte_identical(
    tmp_path: Path, build: Build
) -> None:
    def written(folder: Path) -> dict[str, bytes]:
        # A lock names its last holder, though it was killed with all work done.
        return content(folder) | {".lock": b""}

    write(tmp_path / "whole", shards(4))
    wanted = written(tmp_path / "whole")
    for moment in itertools.count(1):
        folder = tmp_path / str(moment)
        _, ended_by = build(folder, moment, signal.SIGKILL)
        if not ended_by:
            break
        # What it goes on from may be cut off as well.
        list(build(folder, moment // 2 + 1, signal.SIGKILL))
        if (folder / FILE_NAME).exists() and not read_manifest(folder).complete:
            with pytest.raises(ValueError, match="unfinished"):
                TeacherCache.open(folder, FINGERPRINT)
        write(folder, shards(4))
        assert written(folder) == wanted
    assert moment > 4 * (BLOCKS + 3), f"only {moment - 1} builds were killed"


def test_second_writer_is_refused_by_pid(tmp_path: Path, build: Build) -> None:
    running = build(tmp_path, 5, signal.SIGSTOP)
    pid = next(running)
    with pytest.raises(BlockingIOError, match=f"process {pid} is writing"):
        write(tmp_path, shards(4))
    os.kill(pid, signal.SIGKILL)
    assert next(running) == signal.SIGKILL
    write(tmp_path, shards(4))  # the lock died with its holder


def test_lock_is_released_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        write(tmp_path, [lambda: failing(0, RuntimeError("x"))])
    with open(tmp_path / ".lock", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert file.read() == ""
