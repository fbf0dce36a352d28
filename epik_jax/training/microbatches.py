"""A batch in parts, one after the other: less memory for the same update.

A gradient function and a batch go in, the sum over its parts comes out. What a loss is
divided by is counted over the whole batch first, so that parts with fewer elements do
not weigh more than they do together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from epik_jax.structs import Array, Batch

T = TypeVar("T")


def summed_over_parts(
    counts_of: Callable[[Batch], Any],
    gradient_of: Callable[[Batch, Array, Any], T],
    batch: Batch,
    key: Array,
    num_parts: int,
) -> T:
    """Sums what comes of each part of a batch.

    Args:
      counts_of: a part -> a tree of counts. Where they do not depend on a forward
        pass, the compiler leaves out the pass that they are taken from.
      gradient_of: a part, its key and the counts of the whole batch -> a tree of sums.
      batch: arrays whose first axis is B, a multiple of `num_parts`.
      key: of the step; each part folds its number into it.
      num_parts: how many.

    Raises:
      ValueError: B does not split so.
    """
    parts = jax.tree.map(lambda array: _split(array, num_parts), batch)
    first = jax.tree.map(lambda array: array[0], parts)
    counts = _summed(counts_of, jax.eval_shape(counts_of, first), parts)

    def of_one(numbered: tuple[Array, Batch]) -> T:
        number, part = numbered
        return gradient_of(part, jax.random.fold_in(key, number), counts)

    numbered = (jnp.arange(num_parts), parts)
    shapes = jax.eval_shape(of_one, (jnp.zeros((), jnp.int32), first))
    return _summed(of_one, shapes, numbered)


def _split(array: Array, num_parts: int) -> Array:
    """Every so many rows are a part, so that devices keep the rows that they hold."""
    if len(array) % num_parts:
        raise ValueError(f"a batch of {len(array)} rows has no {num_parts} equal parts")
    rows = array.reshape(-1, num_parts, *array.shape[1:])
    return rows.swapaxes(0, 1)  # [B/N, N, ...] -> [N, B/N, ...]


def _summed(function: Callable[[Any], T], shapes: T, over: Any) -> T:
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def add(sums: T, one: Any) -> tuple[T, None]:
        return jax.tree.map(jnp.add, sums, function(one)), None

    return jax.lax.scan(add, zeros, over)[0]
