"""Programs of the same text are one, whatever they are called."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from epik_jax.compiling.distinct import distinct
from epik_jax.recipes.program import Program, shape


def program(name, function, rows):
    def lower():
        return jax.jit(function).lower(shape("float32", rows, 4))

    return Program(name, lower, {}, rows, (4,))


def test_each_is_kept_once_with_all_that_it_stands_for():
    def mistaken(x):
        raise TypeError("no such product")

    found = distinct(
        [
            program("first", jnp.sin, 8),
            program("other", jnp.sin, 16),
            program("second", jnp.cos, 8),
            program("broken", mistaken, 8),
            program("third", jnp.sin, 8),
            program("broken, too", mistaken, 8),
        ]
    )
    names = [[each.name for each in one.programs] for one in found]
    assert names == [
        ["first", "third"],
        ["other"],
        ["second"],
        ["broken"],
        ["broken, too"],
    ]
    assert [one.failed for one in found] == ["", "", "", *["no such product"] * 2]
    assert [one.lowered is None for one in found] == [False] * 3 + [True] * 2
