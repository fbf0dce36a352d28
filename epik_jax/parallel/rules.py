"""Which axis of which parameter is split over "model": ordered path rules.

The optimizer's moments have their parameters' paths inside their own, so that the same
rules place them too. First match wins.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from epik_jax import trees
from epik_jax.structs import Array

WHOLE = PartitionSpec()
COLUMNS = PartitionSpec(None, "model")
ROWS = PartitionSpec("model", None)

RULES: tuple[tuple[str, tuple[PartitionSpec, ...]], ...] = (
    # Heads, feed-forward width and the words of an output layer are split.
    (r"(query|key|value|inner|output)/kernel$", (COLUMNS,)),
    (r"(query|key|value|inner|output)/bias$", (PartitionSpec("model"),)),
    (r"(out|outer)/kernel$", (ROWS,)),
    # A table is split by tokens, and where they do not divide by its width.
    (r"(^|/)(encoder_)?embedding$", (ROWS, COLUMNS)),
    # What reads the residual stream is whole, and so are short tables.
    (r"norm/(scale|bias)$|(out|outer)/bias$|(position|type)_embedding$", (WHOLE,)),
    # An LSTM that is split would wait for its other parts at every position.
    (r"(^|/)bilstm/", (WHOLE,)),
    (r"(^|/)(head|headers|pooler|projection|comparison|gate)/", (WHOLE,)),
    (r"(^|/)bridge/", (WHOLE,)),
    # What a stage and its optimizer count.
    (r"(^|/)(step|key|\w*count|last_finite|total_notfinite)$", (WHOLE,)),
)
"""Of each leaf the specs that it may have; the first whose axes divide is taken."""


def path_of(path: tuple[Any, ...]) -> str:
    """A tree path as keys joined by "/"; keys of flat dicts already hold some."""
    names = (getattr(p, "key", getattr(p, "name", getattr(p, "idx", p))) for p in path)
    return "/".join(str(name) for name in names)


def sharding_of(mesh: Mesh, path: tuple[Any, ...], leaf: Array) -> NamedSharding:
    """Where one leaf lies: by rule, whole where no axis divides.

    Raises:
      ValueError: no rule knows it.
    """
    for spec in trees.first_match(RULES, path_of(path)):
        if _fits(spec, leaf, mesh.shape["model"]):
            return NamedSharding(mesh, spec)
    return NamedSharding(mesh, WHOLE)


def _fits(spec: PartitionSpec, leaf: Array, shares: int) -> bool:
    split = [i for i, name in enumerate(spec) if name == "model"]
    return all(i < leaf.ndim and leaf.shape[i] % shares == 0 for i in split)


def shardings(mesh: Mesh, tree: Any) -> Any:
    """A sharding for every leaf of a tree of arrays or shapes.

    Raises:
      ValueError: no rule knows a leaf.
    """
    return jax.tree_util.tree_map_with_path(functools.partial(sharding_of, mesh), tree)
