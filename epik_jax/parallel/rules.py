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

RULES: tuple[tuple[str, PartitionSpec], ...] = (
    (r"(query|key|value|inner)/kernel$", PartitionSpec(None, "model")),
    (r"(query|key|value|inner)/bias$", PartitionSpec("model")),
    (r"(out|outer)/kernel$", PartitionSpec("model", None)),
    (r"", PartitionSpec()),
)
"""Heads and feed-forward width are split; what reads the residual stream is whole."""


def path_of(path: tuple[Any, ...]) -> str:
    """A tree path as keys joined by "/"; keys of flat dicts already hold some."""
    names = (getattr(p, "key", getattr(p, "name", getattr(p, "idx", p))) for p in path)
    return "/".join(str(name) for name in names)


def sharding_of(mesh: Mesh, path: tuple[Any, ...], leaf: Array) -> NamedSharding:
    """Where one leaf lies: by rule, whole where the axis does not divide."""
    spec = trees.first_match(RULES, path_of(path))
    split = [i for i, name in enumerate(spec) if name == "model"]
    fits = all(
        i < leaf.ndim and leaf.shape[i] % mesh.shape["model"] == 0 for i in split
    )
    return NamedSharding(mesh, spec if fits else PartitionSpec())


def shardings(mesh: Mesh, tree: Any) -> Any:
    """A sharding for every leaf of a tree of arrays or shapes."""
    return jax.tree_util.tree_map_with_path(functools.partial(sharding_of, mesh), tree)
