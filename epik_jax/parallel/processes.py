"""Several processes as one run: how they meet, wait for each other, and stop together.

All of them run the same program over one mesh. What lies in a run's folder is written
by the first, unless each has a file of its own, and read by all, once it has been
written. Alone, a process is the first of one and waits for nobody.
"""

from __future__ import annotations

import json
import socket
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from epik_jax import trees

PATIENCE = 300
"""Seconds for which processes wait for each other to be started."""

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
      RuntimeError: what they run on does not tell where the others are.
      ValueError: so, too; or others use the first process's port.
    """
    if coordinator and index == 0:
        _demand_free(int(coordinator.rpartition(":")[2]))
    # Who calls is to give up first: JAX would abort, without a word on what to do.
    patience = PATIENCE + 60
    jax.distributed.initialize(
        coordinator, count, index, initialization_timeout=patience
    )


def _demand_free(port: int) -> None:
    """Refuses a port on which JAX could not listen: it would crash."""
    families = (socket.AF_INET6, socket.AF_INET)
    family = families[0] if socket.has_dualstack_ipv6() else families[1]
    try:
        with socket.socket(family) as one:
            one.bind(("", port))
    except OSError as error:
        raise ValueError(f"port {port}: {error.strerror}; take another") from error


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
    if is_first():
        write(*args, **kwargs)
    wait(moment)


def gathered(numbers: Sequence[int] | np.ndarray) -> np.ndarray:
    """What every process says, int [processes, N]; all are to be asked, for as many."""
    if count() == 1:
        return np.array([numbers])
    return np.asarray(multihost_utils.process_allgather(np.array(numbers)))


def demand_same(what: str, said: Mapping[str, Any]) -> None:
    """Refuses to go on in all processes where they are not about the same.

    They would wait for each other for ever, or train on what no single one has seen.

    Args:
      what: is compared.
      said: JSON values, which may be nested; all are to be asked.

    Raises:
      ValueError: they differ; says in what, and which process from the first.
    """
    if count() == 1:
        return
    text = json.dumps(trees.flatten(said), sort_keys=True).encode()
    lengths = gathered([len(text)])[:, 0]
    own = np.frombuffer(text, np.uint8)
    padded = gathered(np.pad(own, (0, int(lengths.max()) - len(text))))
    texts = [
        bytes(row[:length].tolist())
        for row, length in zip(padded, lengths, strict=True)
    ]
    for place, other in enumerate(texts):
        if other != texts[0]:
            difference = _first_difference(json.loads(texts[0]), json.loads(other))
            raise ValueError(
                f"{what}: {difference} in process {place}; all processes are to have "
                "the same command, configuration, files and versions"
            )


def _first_difference(first: dict[str, Any], other: dict[str, Any]) -> str:
    differs = (k for k in sorted({*first, *other}) if first.get(k) != other.get(k))
    name = next(differs)
    there, here = (textwrap.shorten(str(x.get(name)), 70) for x in (first, other))
    return f"{name} is {there} in the first process, {here}"


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
