"""A weighted sum of terms, and the mean of each for the log.

Terms give values and masks; this file alone reduces them. What is logged is unweighted,
so that runs with other weights compare.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

import jax.numpy as jnp

from epik_jax.means import Mean
from epik_jax.structs import Array, Batch

Values: TypeAlias = Callable[[Any, Batch], tuple[Array, Array]]
"""(outputs, batch) -> values and a bool mask of the same shape, first axis B."""


@dataclasses.dataclass(frozen=True)
class Term:
    """One loss among others.

    Attributes:
      name: in the metric log.
      values: the per-element loss and its mask.
      weight: its factor in the objective; 0 logs the term without training on it.
    """

    name: str
    values: Values
    weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class Objective:
    """What one stage minimises."""

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        """Refuses an objective that would train nothing."""
        if not any(term.weight for term in self.terms):
            raise ValueError("an objective needs a term whose weight is not 0")

    def __call__(self, outputs: Any, batch: Batch) -> tuple[Array, dict[str, Mean]]:
        """The loss of a batch.

        Args:
          outputs: whatever the forward pass gave; the terms know it.
          batch: with "weight" [B], how much each row counts.

        Returns:
          Scalar loss, and the unweighted mean of every term by name.
        """
        means = {}
        for term in self.terms:
            values, mask = term.values(outputs, batch)
            rows = batch["weight"].reshape(-1, *(1,) * (values.ndim - 1))
            means[term.name] = Mean.of(values, mask, rows)
        weighted = [t.weight * means[t.name].value() for t in self.terms if t.weight]
        return sum(weighted, start=jnp.zeros(())), means
