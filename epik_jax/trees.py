"""Parameter trees by path: names, first-match rules, partitions, counts.

A tree is nested dicts whose leaves have a `shape`; a path is its keys joined by "/".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts to one dict of paths, in order of the keys."""
    flat: dict[str, Any] = {}
    for key in sorted(tree):
        value = tree[key]
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}/")
        else:
            flat[prefix + key] = value
    return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`."""
    tree: dict[str, Any] = {}
    for path, leaf in flat.items():
        *parents, name = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = leaf
    return tree


def first_match(rules: Sequence[tuple[str, T]], path: str) -> T:
    """The value of the first rule whose pattern is found in `path`.

    Raises:
      ValueError: no rule matches.
    """
    for pattern, value in rules:
        if re.search(pattern, path):
            return value
    patterns = [pattern for pattern, _ in rules]
    raise ValueError(f"no rule matches {path!r}; the rules are {patterns}")


def partition(
    tree: Mapping[str, Any], patterns: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Leaves whose path matches any of `patterns`, and the others, both flat.

    Raises:
      ValueError: a pattern matches nothing.
    """
    flat = flatten(tree)
    for pattern in patterns:
        if not any(re.search(pattern, path) for path in flat):
            parts = sorted({"/".join(path.split("/")[:2]) for path in flat})
            raise ValueError(f"pattern {pattern!r} matches nothing below {parts}")
    chosen = {p: x for p, x in flat.items() if any(re.search(q, p) for q in patterns)}
    return chosen, {p: x for p, x in flat.items() if p not in chosen}


def num_elements(tree: Mapping[str, Any]) -> int:
    """Numbers held in all leaves together."""
    return sum(math.prod(leaf.shape) for leaf in flatten(tree).values())
