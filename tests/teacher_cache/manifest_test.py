"""The manifest: what it says back, and what it refuses as hostile or changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from epik_jax.teacher_cache.manifest import (
    FILE_NAME,
    Geometry,
    Manifest,
    ShardEntry,
    check_fingerprint,
    read_manifest,
    write_manifest,
)
from epik_jax.teacher_cache.schema import Field, Schema

NAME = "signals-00000-of-00002.tfrecord"
MANIFEST = Manifest(
    schema=Schema((Field("tokens", "int32", ragged=True),)),
    fingerprint={"teacher": "a" * 64, "vocabulary": "अ"},
    geometry=Geometry(num_shards=2, num_examples=7, block_size=4),
    predicted_bytes=300,
    shards={NAME: ShardEntry(2, 7, 290, "0" * 64)},
)


def test_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path) == MANIFEST
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def _set(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(tree: dict[str, Any]) -> None:
        for name in path[:-1]:
            tree = tree[name]
        tree[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_set("format", value="something"), "not a manifest"),
        (_set("version", value=2), "version 2"),
        (_set("shards", "../../etc/passwd", value={}), "cannot be a shard"),
        (_set("shards", f"/{NAME}", value={}), "cannot be a shard"),
        (_set("shards", NAME, "records", value=-1), "not a count"),
        (_set("shards", NAME, "bytes", value=2**70), "not a count"),
        (_set("shards", NAME, "examples", value=True), "not a count"),
        (_set("shards", NAME, "sha256", value="../x"), "no sha256"),
        (_set("shards", NAME, value=[]), "no sha256"),
        (_set("shards", value=[]), "not a dict"),
        (_set("geometry", "num_shards", value=10**9), "1000000000 shards"),
        (_set("geometry", value=None), "not a dict"),
        (_set("fields", value=[{"name": "tokens"}]), "not a field"),
        (_set("fingerprint", "teacher", value=3), "teacher is not a str"),
        (_set("totals", "examples", value=8), "do not fit"),
        (_set("complete", value="yes"), "not a bool"),
        (_set("complete", value=True), "sealed with 1 of 2 shards"),
    ],
)
def test_changed_manifests_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    tree = MANIFEST.to_json()
    change(tree)
    (tmp_path / FILE_NAME).write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint) as error:
        read_manifest(tmp_path)
    assert str(tmp_path / FILE_NAME) in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"[" * 100_000, b"3"])
def test_what_is_no_manifest_is_refused_by_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(ValueError, match=FILE_NAME):
        read_manifest(tmp_path)


def test_absent_manifest_says_there_is_no_cache(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no teacher cache here"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "part", ["teacher", "vocabulary", "normaliser", "data", "encoding", "schema"]
)
def test_each_part_that_differs_is_named_alone(tmp_path: Path, part: str) -> None:
    parts = ("teacher", "vocabulary", "normaliser", "data", "encoding", "schema")
    made = {name: f"{name}-" + "0" * 70 + "1" + "0" * 70 for name in parts}
    check_fingerprint(tmp_path, made, dict(made))
    now = made | {part: f"{part}-" + "0" * 70 + "2" + "0" * 70}
    without = {name: value for name, value in made.items() if name != part}
    for wanted, shown in ((now, "00002000"), (without, "absent")):
        with pytest.raises(ValueError, match="made for something else") as error:
            check_fingerprint(tmp_path, made, wanted)
        message = str(error.value)
        assert f"{part} (" in message
        assert shown in message
        assert len(message) < len(str(tmp_path)) + 250
        assert not any(f"{other} (" in message for other in parts if other != part)


def test_totals_count_the_whole_shards() -> None:
    shards = {name: ShardEntry(1, 3, 100, "0" * 64) for name in MANIFEST.shard_names}
    both = dataclasses.replace(MANIFEST, shards=shards)
    assert both.totals == {"records": 2, "examples": 6, "bytes": 200}
