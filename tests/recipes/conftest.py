"""Fixtures of several files: the recipe without networks, a list of names."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from parallel_names import PARALLEL
from toy_epik import Runner, workplace


@pytest.fixture
def at(tmp_path):
    return workplace(tmp_path)


@pytest.fixture
def runner(monkeypatch):
    return Runner(monkeypatch)


@pytest.fixture
def parallel(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv.gz"
    path.write_bytes(gzip.compress(PARALLEL.encode()))
    return path
