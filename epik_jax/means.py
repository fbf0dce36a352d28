"""Sums and counts that travel; only `Mean.value` divides.

Microbatches, devices, hosts and batches merge by addition, so that a mean over all of
them is the mean over their elements and never a mean of means.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from epik_jax.structs import Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Mean:
    """A weighted mean that has not been divided yet.

    Attributes:
      total: scalar, sum of weighted values.
      count: scalar, sum of weights.
    """

    total: Array
    count: Array

    @classmethod
    def of(cls, values: Array, mask: Array, weights: Array | None = None) -> Mean:
        """Reduces per-element `values` where `mask` is true.

        Args:
          values: float array of any shape.
          mask: bool, of `values`' shape; what is masked may be NaN.
          weights: float, broadcastable to `values`' shape, NaN where masked if need
            be; 1 where None.

        Raises:
          ValueError: `mask` has another shape than `values`.
        """
        if mask.shape != values.shape:
            raise ValueError(f"mask {mask.shape} does not fit values {values.shape}")
        scale = mask.astype(jnp.float32)
        if weights is not None:
            # NaN times 0 is NaN, so that either factor is replaced where it is masked.
            scale = jnp.where(mask, jnp.broadcast_to(weights, values.shape), 0.0)
        return cls(jnp.sum(jnp.where(mask, values, 0.0) * scale), jnp.sum(scale))

    def merge(self, other: Mean) -> Mean:
        """The mean over both."""
        return Mean(self.total + other.total, self.count + other.count)

    def value(self) -> Array:
        """The mean; 0 where nothing was counted. Host values stay on the host."""
        larger = jnp.maximum if isinstance(self.count, jax.Array) else np.maximum
        return self.total / larger(self.count, 1e-8)
