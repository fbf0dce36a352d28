"""Shards written for the manifest of another process: taken in, or written anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from cached_blocks import Shard, content, failing, never, shards, write

from epik_jax.teacher_cache import manifest, shard
from epik_jax.teacher_cache.manifest import read_manifest

NAME = "signals-00001-of-00003.tfrecord"


def begun(folder: Path, good: list[Shard]) -> manifest.Manifest:
    """The manifest of a run that died with its first shard whole."""
    with pytest.raises(RuntimeError, match="died"):
        write(folder, [good[0], lambda: failing(0, RuntimeError("died")), good[2]])
    return read_manifest(folder)


@pytest.fixture
def good() -> list[Shard]:
    return shards(3)


def test_a_noted_shard_is_not_written_again(tmp_path: Path, good: list[Shard]) -> None:
    there = begun(tmp_path / "a", good)
    shard.write_noted_shard(tmp_path / "a", there, 1, good[1]())
    assert shard.noted_entry(tmp_path / "a", NAME)
    write(tmp_path / "a", [never, never, good[2]])
    write(tmp_path / "b", good)
    assert content(tmp_path / "a") == content(tmp_path / "b")


@pytest.mark.parametrize("note", [b"", b"{}", b"[1]", b"\xff", b'{"records": 1}'])
def test_a_note_that_is_none_is_passed_over(
    tmp_path: Path, good: list[Shard], note: bytes
) -> None:
    there = begun(tmp_path / "a", good)
    shard.write_noted_shard(tmp_path / "a", there, 1, good[1]())
    (tmp_path / "a" / f"{NAME}.note").write_bytes(note)
    write(tmp_path / "a", [never, good[1], good[2]])
    write(tmp_path / "b", good)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_note_of_a_shard_that_is_not_there_is_passed_over(
    tmp_path: Path, good: list[Shard]
) -> None:
    there = begun(tmp_path / "a", good)
    shard.write_noted_shard(tmp_path / "a", there, 1, good[1]())
    (tmp_path / "a" / NAME).unlink()
    write(tmp_path / "a", [never, good[1], good[2]])
    assert not list((tmp_path / "a").glob("*.note"))


def test_a_shard_that_differs_from_its_note_is_refused_by_name(
    tmp_path: Path, good: list[Shard]
) -> None:
    there = begun(tmp_path / "a", good)
    shard.write_noted_shard(tmp_path / "a", there, 1, good[1]())
    whole = (tmp_path / "a" / NAME).read_bytes()
    (tmp_path / "a" / NAME).write_bytes(whole[:-9] + b"damaged!!")
    with pytest.raises(ValueError, match=f"{NAME}.*Delete that file"):
        write(tmp_path / "a", good)


def test_nothing_of_a_shard_that_fails_stays(tmp_path: Path, good: list[Shard]) -> None:
    there = begun(tmp_path / "a", good)
    before = content(tmp_path / "a")
    with pytest.raises(RuntimeError, match="gone"):
        shard.write_noted_shard(
            tmp_path / "a", there, 1, failing(1, RuntimeError("gone"))
        )
    assert content(tmp_path / "a") == before
