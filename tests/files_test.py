"""A file is the old one or the new one, never half of either."""

from __future__ import annotations

import os

import pytest

from epik_jax.files import write_whole


def test_text_is_utf8_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("கோவை\n", "x"):
        write_whole(path, text)
        assert path.read_bytes() == text.encode()
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_lies_beside_a_file_is_left_alone(tmp_path):
    for name in ("a.txt.tmp", ".a.txt", "a.txt~"):
        (tmp_path / name).write_text("mine")
    write_whole(tmp_path / "a.txt", "x")
    assert {p.read_text() for p in tmp_path.iterdir()} == {"mine", "x"}
    assert len(list(tmp_path.iterdir())) == 4


def test_a_link_goes_on_pointing_at_what_is_written(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("error", [OSError(28, "no space left"), KeyboardInterrupt()])
def test_what_goes_wrong_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, error
):
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def fail(descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
