"""Settings that mean nothing are refused with their name and value."""

from __future__ import annotations

import math
import types

import pytest

from epik_jax.bounds import demand, within

CONFIG = types.SimpleNamespace(steps=1, share=0.5, width=0)


def test_what_reaches_its_least_passes():
    demand(CONFIG, 1, "steps")
    demand(CONFIG, 0, "steps", "share", "width")


def test_the_first_that_does_not_is_named():
    with pytest.raises(ValueError, match=r"share is 0\.5, expected 1"):
        demand(CONFIG, 1, "steps", "share", "width")


def test_both_ends_of_a_range_are_allowed_and_nothing_beside_it():
    within(CONFIG, 0.5, 1, "steps", "share")
    with pytest.raises(ValueError, match="width is 0, expected 1 to 9"):
        within(CONFIG, 1, 9, "width")


def test_what_is_not_a_number_is_in_no_range():
    config = types.SimpleNamespace(rate=math.nan)
    with pytest.raises(ValueError, match="rate is nan"):
        within(config, 0, 1, "rate")
    with pytest.raises(ValueError, match="rate is nan"):
        demand(config, 0, "rate")
