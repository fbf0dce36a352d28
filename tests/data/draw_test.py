"""Samples are the same everywhere, and no order of a file shows in them."""

from __future__ import annotations

import collections

import numpy as np

from epik_jax.data.draw import drawn, share_of
from epik_jax.structs import Example

# A file in which twelve pairs of one name follow each other.
NAMES = [
    Example(f"{x}>{y}:{n}", f"{n}", x, y)
    for n in range(400)
    for x in ("hi", "ta", "kn", "bn")
    for y in ("hi", "ta", "kn", "bn")
    if x != y
]


def test_shares_lie_evenly_in_0_to_1_and_never_change():
    shares = np.array([share_of(f"word {n}") for n in range(2000)])
    assert shares.min() >= 0.0 and shares.max() < 1.0
    counts = np.histogram(shares, bins=10, range=(0.0, 1.0))[0]
    assert (counts > 150).all()
    assert share_of("word 0") == shares[0] == 0.943183585267775


def test_a_sample_and_its_beginning_hold_every_pair_about_equally():
    for limit, fewest in ((1200, 70), (400, 18)):
        sample = drawn(NAMES, limit)
        assert len(sample) == len(set(sample)) == limit
        pairs = collections.Counter((e.source_lang, e.target_lang) for e in sample)
        assert len(pairs) == 12 and min(pairs.values()) >= fewest
    assert drawn(NAMES, 1200)[:400] == drawn(NAMES, 400)


def test_a_sample_does_not_depend_on_the_order_of_the_file():
    assert drawn(NAMES[::-1], 50) == drawn(NAMES, 50)


def test_no_limit_leaves_all_as_they_are():
    assert drawn(NAMES, 0) == NAMES
    assert sorted(drawn(NAMES[:9], 99), key=NAMES.index) == NAMES[:9]
