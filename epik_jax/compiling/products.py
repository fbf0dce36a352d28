"""How many multiplications and additions a matrix product or a convolution comes to.

An instruction and what it reads go in, a number comes out. TPUs write all products as
convolutions, an axis of a batch as a window that is stretched so that each row meets
its own: what falls on a gap, or beside, is not counted.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence

from epik_jax.compiling.hlo import Array, Instruction

_PRODUCTS = ("dot", "convolution")
_SOFTMAX = re.compile(r'op_name="online-softmax"')


def is_product(instruction: Instruction) -> bool:
    """Whether it is a matrix product, or one with a softmax before it.

    That is what the compiler makes of attention where it can: a kernel of its own. It
    takes logits [..., T, L] and values [..., L, K], and gives [..., T, K].
    """
    return instruction.opcode in _PRODUCTS or _is_attention(instruction)


def flops(instruction: Instruction, operands: Sequence[Array]) -> int:
    """Additions and multiplications, each counted.

    Args:
      instruction: that `is_product`.
      operands: what it reads.
    """
    left, right = operands[:2]
    if _is_attention(instruction):
        return 2 * left.dims[-1] * math.prod(instruction.arrays[0].dims)
    if instruction.opcode == "dot":
        contracted = _dimensions(instruction, "lhs_contracting_dims")
        inner = math.prod(left.dims[axis] for axis in contracted)
        return 2 * inner * math.prod(instruction.arrays[0].dims)
    return 2 * _convolved(instruction, left, right)


def _is_attention(instruction: Instruction) -> bool:
    called = instruction.opcode == "custom-call"
    return called and bool(_SOFTMAX.search(instruction.rest))


def _convolved(instruction: Instruction, image: Array, kernel: Array) -> int:
    labels = instruction.attribute(r"dim_labels=([\w?]+_[\w?]+->[\w?]+)") or ""
    left, right, made = re.split("_|->", labels)
    size = functools.partial(_size, image.dims, left)
    batch, features = size("b"), _size(kernel.dims, right, "i")
    outputs = _size(kernel.dims, right, "o")
    groups = int(instruction.attribute(r"batch_group_count=(\d+)") or 1)
    met = 1
    for axis in sorted(set(left) - set("bf")):
        steps = _size(instruction.arrays[0].dims, made, axis)
        met *= _met(instruction, int(axis), size(axis), steps)
    # A kernel's "i" is of one group already.
    return batch // groups * features * outputs * met


def _met(instruction: Instruction, axis: int, size: int, steps: int) -> int:
    """Pairs of a window's places and its steps that meet a real number of an axis."""
    window = instruction.attribute(r"window=\{([^}]*)\}") or ""
    width = _of_axis(window, "size", axis, 1)
    stride = _of_axis(window, "stride", axis, 1)
    apart = _of_axis(window, "lhs_dilate", axis, 1)
    spread = _of_axis(window, "rhs_dilate", axis, 1)
    before = _of_axis(window, "pad", axis, 0)
    end = (size - 1) * apart
    reached = (
        step * stride - before + place * spread
        for step in range(steps)
        for place in range(width)
    )
    return sum(0 <= place <= end and place % apart == 0 for place in reached)


def _of_axis(window: str, name: str, axis: int, usual: int) -> int:
    """The first number of an axis, as in "size=3x5" or "pad=1_1x0_2"."""
    found = re.search(rf"\b{name}=([\dx_-]+)", window)
    if not found:
        return usual
    return int(found[1].split("x")[axis].split("_")[0])


def _size(dims: Sequence[int], labels: str, label: str) -> int:
    return dims[labels.index(label)] if label in labels else 1


def _dimensions(instruction: Instruction, name: str) -> list[int]:
    listed = instruction.attribute(rf"{name}=\{{([\d,]*)\}}") or ""
    return [int(axis) for axis in listed.split(",") if axis]
