"""A report shows the pairs that two systems see most differently, either way."""

from __future__ import annotations

import numpy as np

from epik_jax.recipes.scoring.samples import NUM_OF_A_SIDE, samples
from epik_jax.structs import TextPair


def shown(student, crowd, gold="1"):
    pairs = [TextPair(str(i), f"a{i}", f"b{i}", gold) for i in range(len(student))]
    said = {
        name: {"x": np.log(np.array([[1 - p, p] for p in probs]))}
        for name, probs in (("student", student), ("crowd", crowd))
    }
    return samples({"x": pairs}, said, ("0", "1"))


def test_pairs_that_one_is_furthest_ahead_with_come_first_of_each_side():
    found = shown([0.9, 0.5, 0.1, 0.6], [0.2, 0.5, 0.8, 0.5])
    assert [one["text_a"] for one in found] == ["a0", "a3", "a2"]
    assert found[0] == {
        "list": "x",
        "text_a": "a0",
        "text_b": "b0",
        "label": "1",
        "probs": {"student": 0.9, "crowd": 0.2},
    }


def test_it_is_the_label_of_people_that_counts():
    found = shown([0.9, 0.1], [0.2, 0.8], gold="0")
    assert [one["text_a"] for one in found] == ["a1", "a0"]
    np.testing.assert_allclose(found[0]["probs"]["student"], 0.9)


def test_of_a_long_list_a_few_are_shown():
    draw = np.random.default_rng(0).uniform(0.01, 0.99, (2, 50))
    found = shown(*draw)
    assert len(found) == 2 * NUM_OF_A_SIDE
    assert len({one["text_a"] for one in found}) == len(found)
