"""A weighted sum of terms, and the mean of each for the log.

Terms give values and masks; this file alone reduces them. What is logged is unweighted,
so that runs with other weights compare.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
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

    def __call__(
        self, outputs: Any, batch: Batch, counts: Mapping[str, Array] | None = None
    ) -> tuple[Array, dict[str, Mean]]:
        """The loss of a batch, or the share that a part of it has in its loss.

        Args:
          outputs: whatever the forward pass gave; the terms know it.
          batch: with "weight" [B], how much each row counts.
          counts: what totals are divided by, by term; the batch's own where None. Of
            a part it is those of the whole batch: then losses of parts sum up to its.

        Returns:
          Scalar loss, and the unweighted mean of every term by name.
        """
        means = {}
        for term in self.terms:
            values, mask = term.values(outputs, batch)
            rows = batch["weight"].reshape(-1, *(1,) * (values.ndim - 1))
            means[term.name] = Mean.of(values, mask, rows)
        whole = {name: mean.count for name, mean in means.items()} | dict(counts or {})
        weighted = [
            term.weight * Mean(means[term.name].total, whole[term.name]).value()
            for term in self.terms
            if term.weight
        ]
        return sum(weighted, start=jnp.zeros(())), means
