"""One padded width for all that networks answer: little is compiled."""

from __future__ import annotations

import pytest
import toy_crowd

from epik_jax.teachers import placed


@pytest.fixture(autouse=True)
def few_shapes(monkeypatch):
    monkeypatch.setattr(placed, "WIDTH_STEP", toy_crowd.WIDTH)
