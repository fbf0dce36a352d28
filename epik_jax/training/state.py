"""What training carries from one step to the next."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax

from epik_jax.structs import Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """A value; each step makes a new one.

    Attributes:
      step: scalar int32, updates finished in this stage.
      params: the whole parameter tree, frozen leaves included.
      opt_state: the optimizer's state over the trainable leaves alone.
      key: PRNG key of the stage; a step folds its number into it.
    """

    step: Array
    params: Any
    opt_state: Any
    key: Array
