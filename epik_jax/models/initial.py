"""First values of parameters, drawn leaf by leaf from a seed and the leaf's path.

Drawn with numpy: compiling a network's own initialiser takes seconds, and a leaf drawn
alone can be placed on its devices without a full copy of the tree anywhere.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from epik_jax.structs import Params


def draw(path: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """First value of one leaf.

    Kernels and embedding tables are normal with variance 1/fan-in (for a table: 1/D),
    cut at two standard deviations; scales are one, biases and log-variances zero. A
    recurrent kernel [..., H, G*H] is orthogonal for each of its G gates (Saxe et al.
    2014). A table of positions begins as sinusoids: drawn like that of tokens, which
    are scaled up when they are read, it would long not be seen beside them.

    Args:
      path: such as "encoder/block_00/attention/query/kernel".
      shape: of the leaf.
      seed: of the run.

    Returns:
      float32 of `shape`, the same for the same arguments on every machine.
    """
    leaf = path.rsplit("/", 1)[-1]
    if leaf == "scale":
        return np.ones(shape, np.float32)
    if leaf in ("bias", "log_variance"):
        return np.zeros(shape, np.float32)
    if leaf == "position_embedding":
        return sinusoids(*shape)
    if leaf == "recurrent_kernel":
        return _orthogonal(path, shape, seed)
    fan_in = _fan_in(leaf, shape)
    generator = _generator(path, seed)
    values = generator.standard_normal(shape, np.float32)
    # Redraw what lies outside two deviations; twice leaves one in 10,000 to clip.
    for _ in range(2):
        outside = np.abs(values) > 2
        values[outside] = generator.standard_normal(int(outside.sum()), np.float32)
    return np.clip(values, -2, 2) * np.float32(fan_in**-0.5 / 0.87962566)


def _fan_in(leaf: str, shape: tuple[int, ...]) -> int:
    """How many numbers one of an output is summed of; of a table, its width."""
    if leaf.endswith("embedding"):
        return shape[-1]
    # Kernels side by side, each for itself.
    return shape[-2] if leaf == "stacked_kernel" else math.prod(shape[:-1])


def init_params(shapes: Params, seed: int) -> Any:
    """Draws every leaf of a tree of shapes."""

    def leaf(path: tuple[Any, ...], shape: jax.ShapeDtypeStruct) -> np.ndarray:
        return draw("/".join(str(p.key) for p in path), shape.shape, seed)

    return jax.tree_util.tree_map_with_path(leaf, shapes)


def completed(known: Params, shapes: Params, seed: int) -> Any:
    """The leaves that are known, and all others of a tree of shapes drawn."""

    def leaf(path: tuple[Any, ...], shape: jax.ShapeDtypeStruct) -> np.ndarray:
        names = [str(p.key) for p in path]
        found: Any = known
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        return draw("/".join(names), shape.shape, seed) if found is None else found

    return jax.tree_util.tree_map_with_path(leaf, shapes)


def sinusoids(length: int, width: int) -> np.ndarray:
    """Positions, float32 [length, width]: sines, then cosines, of falling rates.

    Source: Vaswani et al. 2017, section 3.5.
    """
    half = -(-width // 2)
    rates = np.exp(-math.log(10000.0) * np.arange(half) / half)
    return waves(length, rates)[:, :width]


def waves(length: int, rates: np.ndarray) -> np.ndarray:
    """Sines, then cosines, of positions, float32 [length, 2 * rates]."""
    angles = np.arange(length)[:, None] * rates[None, :]
    both = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    return both.astype(np.float32)


def _generator(path: str, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}/{path}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=list(_words(digest))))


def _orthogonal(path: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Square orthogonal matrices side by side."""
    *stack, rows, columns = shape
    num_gates = columns // rows
    drawn = _generator(path, seed).standard_normal((*stack, num_gates, rows, rows))
    bases, upper = np.linalg.qr(drawn)
    # Without this the signs would follow the algorithm, and not be random.
    bases *= np.sign(np.diagonal(upper, axis1=-2, axis2=-1))[..., None, :]
    side_by_side = bases.swapaxes(-3, -2)  # [..., G, H, H] -> [..., H, G, H]
    return side_by_side.reshape(shape).astype(np.float32)


def _words(digest: bytes) -> tuple[int, int]:
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")
