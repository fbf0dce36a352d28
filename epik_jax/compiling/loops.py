"""How often a loop of a compiled program goes round, as far as its text says.

A loop within its program goes in, a number of rounds comes out. It is the compiler's
own where it gives one. Otherwise the condition is read: a counter that each round moves
by as much, held against a bound. Where that is one of several conditions, as in
decoding, which also ends when every row has, it is the most rounds that there may be.
No other loop is guessed at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from epik_jax.compiling.hlo import Instruction
from epik_jax.compiling.scalars import Carried, Path, Scope, Value, source, value

_MIRRORED = {"LT": "GT", "LE": "GE", "GT": "LT", "GE": "LE", "NE": "NE"}


@dataclasses.dataclass(frozen=True)
class Rounds:
    """How often a loop goes round.

    Attributes:
      most: at most.
      exact: and no less.
    """

    most: int
    exact: bool


def rounds(scope: Scope, loop: Instruction) -> Rounds | None:
    """How often a loop goes round; None where that cannot be told.

    Args:
      scope: where it stands.
      loop: a "while".
    """
    if told := loop.attribute(r'"known_trip_count":\{"n":"(\d+)"\}'):
        return Rounds(int(told), exact=True)
    condition = scope.within(loop.named("condition"), body_values(scope, loop))
    if condition is None:
        return None
    return _rounds_while(
        condition, condition.computation.root, _Counter(scope, loop).rounds
    )


def body_values(scope: Scope, loop: Instruction) -> Callable[[Path], Value]:
    """What a loop carries, in any round: a number where no round changes it."""
    counter = _Counter(scope, loop)

    def carried(place: Path) -> Value:
        if counter.step(place) == 0:
            return counter.start(place)
        return Carried(place)

    return carried


@dataclasses.dataclass(frozen=True)
class _Counter:
    """What the places of a loop's tuple begin as, and how far a round moves them."""

    scope: Scope
    loop: Instruction

    def start(self, place: Path) -> int | None:
        found = value(self.scope, self.loop.operands[0], place)
        return found if isinstance(found, int) else None

    def step(self, place: Path) -> int | None:
        body = self.scope.within(self.loop.named("body"), Carried)
        if body is None:
            return None
        after = value(body, body.computation.root, place)
        if isinstance(after, Carried) and after.place == place:
            return after.plus
        return None

    def rounds(self, left: Value, direction: str, right: Value) -> Rounds | None:
        """Of `while left < right`, say."""
        if isinstance(left, int) and isinstance(right, Carried):
            left, direction, right = right, _MIRRORED.get(direction, ""), left
        if not (isinstance(left, Carried) and isinstance(right, int)):
            return None
        start, step = self.start(left.place), self.step(left.place)
        if start is None or not step:
            return None
        apart = right - start - left.plus
        return _reached(apart, step, direction)


def _reached(apart: int, step: int, direction: str) -> Rounds | None:
    """Steps until a bound that lies so far off is reached, or passed."""
    if direction == "NE":
        met = apart % step == 0 and apart // step >= 0
        return Rounds(apart // step, exact=True) if met else None
    rising = direction in ("LT", "LE")
    if direction not in _MIRRORED or rising != (step > 0):
        return None
    apart, step = (apart, step) if rising else (-apart, -step)
    apart += direction in ("LE", "GE")
    return Rounds(max(-(-apart // step), 0), exact=True)


def _rounds_while(
    scope: Scope,
    name: str,
    counted: Callable[[Value, str, Value], Rounds | None],
) -> Rounds | None:
    """Rounds while a truth holds."""
    scope, found, _ = source(scope, name)
    if found.opcode == "compare":
        left, right = (value(scope, operand) for operand in found.operands[:2])
        return counted(left, found.attribute(r"direction=(\w+)") or "", right)
    if found.opcode != "and":
        return None
    some = [_rounds_while(scope, operand, counted) for operand in found.operands]
    known = [one for one in some if one]
    if not known:
        return None
    exact = len(known) == len(some) and all(one.exact for one in known)
    return Rounds(min(one.most for one in known), exact)
