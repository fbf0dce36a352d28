"""What a scalar of a compiled program is, as far as its text says.

A name within its program goes in; a number comes out, or what a loop carries. It is
followed through tuples, copies, fusions and calls; nothing is computed but sums.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from epik_jax.compiling.hlo import Computation, Instruction, Module

_PLUMBING = ("bitcast", "copy", "convert", "reshape", "copy-done", "opt-barrier")
"""What hands a number or a truth on as it is."""

Path = tuple[int, ...]
"""Places in tuples of tuples, outermost first."""


@dataclasses.dataclass(frozen=True)
class Carried:
    """What a round begins with at a place of the loop's tuple, and a number beside."""

    place: Path
    plus: int = 0


Value = int | Carried | None
"""Of a scalar: a number, or what the loop carries; None where it is neither."""


@dataclasses.dataclass(frozen=True)
class Scope:
    """A computation where it is run.

    Attributes:
      module: the whole program.
      computation: the one that is run.
      caller: what runs it, of a fusion or a call.
      carried: of any other, what its only parameter holds at a place.
    """

    module: Module
    computation: Computation
    caller: tuple[Scope, Instruction] | None = None
    carried: Callable[[Path], Value] = lambda place: None

    def within(
        self, name: str | None, carried: Callable[[Path], Value]
    ) -> Scope | None:
        """A computation that a loop of this one runs."""
        found = self.module.computations.get(name or "")
        return Scope(self.module, found, None, carried) if found else None


def value(scope: Scope, name: str, place: Path = ()) -> Value:
    """What a scalar is.

    Args:
      scope: where it is read.
      name: of the instruction that makes it.
      place: where it lies in what that makes.
    """
    scope, found, place = source(scope, name, place)
    if found.opcode == "parameter":
        return scope.carried(place)
    if place or any(array.dims for array in found.arrays):
        return None
    if found.opcode == "constant":
        return _literal(found.given)
    if found.opcode in ("add", "subtract"):
        left, right = (value(scope, operand) for operand in found.operands)
        return _sum(left, right, 1 if found.opcode == "add" else -1)
    return None


def source(
    scope: Scope, name: str, place: Path = ()
) -> tuple[Scope, Instruction, Path]:
    """Follows a name through tuples, fusions and copies to what makes it.

    Returns:
      Where that stands, what it is, and the place that is left to look at.
    """
    while True:
        found = scope.computation.instructions[name]
        if found.opcode == "get-tuple-element":
            name, place = found.operands[0], (_index(found), *place)
        elif found.opcode == "tuple" and place:
            name, place = found.operands[place[0]], place[1:]
        elif found.opcode == "copy-start" and place:
            name, place = found.operands[0], place[1:]
        elif found.opcode in _PLUMBING and len(found.operands) == 1:
            name = found.operands[0]
        elif called := called_by(scope, found):
            scope, name = called, called.computation.root
        elif found.opcode == "parameter" and scope.caller:
            scope, caller = scope.caller
            name = caller.operands[int(found.given)]
        else:
            return scope, found, place


def called_by(scope: Scope, instruction: Instruction) -> Scope | None:
    """What a fusion or a call runs, in its place."""
    attribute = {"fusion": "calls", "call": "to_apply"}.get(instruction.opcode)
    name = instruction.named(attribute) if attribute else None
    found = scope.module.computations.get(name or "")
    return Scope(scope.module, found, (scope, instruction)) if found else None


def _index(instruction: Instruction) -> int:
    return int(instruction.attribute(r"\bindex=(\d+)") or 0)


def _literal(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _sum(left: Value, right: Value, sign: int) -> Value:
    if isinstance(right, int):
        right *= sign
        if isinstance(left, Carried):
            return dataclasses.replace(left, plus=left.plus + right)
        return None if left is None else left + right
    if isinstance(left, int) and isinstance(right, Carried) and sign > 0:
        return dataclasses.replace(right, plus=right.plus + left)
    return None
