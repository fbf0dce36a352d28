"""Several processes as one run: how they meet, wait for each other, and stop together.

All of them run the same program over one mesh. What lies in a run's folder is written
by the first, unless each has a file of its own, and read by all, once it has been
written. Alone, a process is the first of one and waits for nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

P = ParamSpec("P")
T = TypeVar("T")


def join(
    coordinator: str | None = None, count: int | None = None, index: int | None = None
) -> None:
    """Meets the other processes; to be called before any device is used.

    From then on SIGTERM is noted by JAX and never ends the process; see
    `told_to_stop`. A handler of Python's that is installed later would undo that.

    Args:
      coordinator: "HOST:PORT" of the first process. On a Cloud TPU the processes find
        each other, and all three are left out.
      count: of processes.
      index: of this one, from 0.

    Raises:
      RuntimeError: the others were not found in time.
    """
    jax.distributed.initialize(coordinator, count, index)


def count() -> int:
    """How many processes there are."""
    return jax.process_count()


def index() -> int:
    """The number of this one, from 0."""
    return jax.process_index()


def is_first() -> bool:
    """Whether this process writes what is everybody's."""
    return jax.process_index() == 0


def wait(moment: str) -> None:
    """Returns when all processes have come to the same moment.

    Args:
      moment: its name; a process that waits elsewhere is an error in all.
    """
    if count() > 1:
        multihost_utils.sync_global_devices(moment)


def by_first(
    moment: str, write: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Has the first process alone write something; all go on when it is there.

    Nothing is written before all have come: who is late may still look whether it has
    to be.

    Args:
      moment: its name, as for `wait`.
      write: what writes; its arguments follow.
    """
    wait(f"before {moment}")
    wait(f"before {moment}")
    if is_first():
        write(*args, **kwargs)
    wait(moment)


def all_agree(said: bool) -> bool:
    """Whether every process says so; all are to be asked."""
    if count() == 1:
        return said
    return bool(multihost_utils.process_allgather(np.array(said)).all())


def from_first(number: int) -> int:
    """The number that the first process has; all are to be asked."""
    return int(multihost_utils.broadcast_one_to_all(np.array(number)))


def told_to_stop(poll: int) -> bool:
    """Whether this is the moment at which all stop, as one of them was told to.

    Args:
      poll: how often was asked before; all processes ask equally often.
    """
    return multihost_utils.reached_preemption_sync_point(poll)


def fetched(tree: T) -> T:
    """Arrays on the host, whole, wherever their pieces lie.

    Args:
      tree: of arrays; all processes ask for the same ones.
    """
    if all(x.is_fully_addressable for x in _arrays(tree)):
        return jax.device_get(tree)

    def whole(leaf: object) -> np.ndarray:
        if isinstance(leaf, jax.Array) and not leaf.is_fully_replicated:
            return multihost_utils.process_allgather(leaf, tiled=True)  # type: ignore[no-any-return]
        return np.asarray(leaf)

    return jax.tree.map(whole, tree)


def _arrays(tree: object) -> list[jax.Array]:
    return [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)]
