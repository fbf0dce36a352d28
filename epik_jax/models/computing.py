"""How activations are computed and kept in training: no part of what a network is.

The same parameters, float32, serve any of it, so nothing of this is saved beside them.
What goes into a network and what comes out of it is float32, too.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from epik_jax.structs import Array

Config = TypeVar("Config")


@dataclasses.dataclass(frozen=True)
class Computing:
    """How a network's activations are computed, beside its configuration.

    Attributes:
      activations: what they are kept in within a stack of blocks, and within a BiLSTM.
        With "bfloat16" every product is computed from it; sums, softmax and the
        statistics of norms stay float32 (Micikevicius et al. 2018).
      rematerialise: whether a transformer block, and a step of a BiLSTM, keeps only
        what it read until its gradient is wanted, and is computed again for it (Chen
        et al. 2016): less memory, more work, the same update.
    """

    activations: Literal["float32", "bfloat16"] = "float32"
    rematerialise: bool = False

    def __post_init__(self) -> None:
        """Refuses a type that nothing is computed in."""
        if self.activations not in ("float32", "bfloat16"):
            raise ValueError(
                f"activations {self.activations!r} is none of ('float32', 'bfloat16')"
            )

    def kept(self, x: Array) -> jax.Array:
        """An activation as it is kept until it is used."""
        return jnp.astype(x, self.activations)

    def products(self, config: Config) -> Config:
        """The configuration with products that are computed from such activations."""
        if self.activations == "float32":
            return config
        values: Any = config
        encoder = getattr(values, "encoder", None)
        if encoder is not None:
            return dataclasses.replace(values, encoder=self.products(encoder))
        return dataclasses.replace(values, matmul_dtype=self.activations)

    def block(self, kind: type[nn.Module]) -> Any:
        """The module, computed again for its gradient where that is asked for.

        Its parameters stay where they are as long as the caller names it.
        """
        return nn.remat(kind) if self.rematerialise else kind


PLAIN = Computing()
"""Float32 where a configuration does not say otherwise, and nothing computed twice."""


def exact(x: Array) -> jax.Array:
    """An activation as it leaves a stack of blocks: float32."""
    return jnp.astype(x, jnp.float32)
