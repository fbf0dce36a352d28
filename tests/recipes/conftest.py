"""Fixtures of the tests that run the recipe without networks."""

from __future__ import annotations

import pytest
from toy_epik import Runner, workplace


@pytest.fixture
def at(tmp_path):
    return workplace(tmp_path)


@pytest.fixture
def runner(monkeypatch):
    return Runner(monkeypatch)
