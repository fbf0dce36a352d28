"""Settings that mean nothing are refused with their name and value."""

from __future__ import annotations

import types

import pytest

from epik_jax.bounds import demand

CONFIG = types.SimpleNamespace(steps=1, share=0.5, width=0)


def test_what_reaches_its_least_passes():
    demand(CONFIG, 1, "steps")
    demand(CONFIG, 0, "steps", "share", "width")


def test_the_first_that_does_not_is_named():
    with pytest.raises(ValueError, match=r"share is 0\.5, expected 1"):
        demand(CONFIG, 1, "steps", "share", "width")
