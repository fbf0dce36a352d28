"""A compiled program as its compiler writes it: computations and their instructions.

HLO text goes in, frozen values come out. What they mean is worked out elsewhere; words
that are not known here are kept as they stand.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Iterator

_COMPUTATION = re.compile(r"(?P<entry>ENTRY )?%?(?P<name>[\w.-]+) \(.*\{\s*$")
_INSTRUCTION = re.compile(
    r"\s+(?P<root>ROOT )?%?(?P<name>[\w.-]+) = (?P<arrays>.*?) ?"
    r"(?P<opcode>(?<= )[a-z][a-z0-9-]*)\((?P<given>[^)]*)\)(?P<rest>.*)$"
)
_ARRAY = re.compile(
    r"(?P<dtype>[a-z]+\d*(?:e\d+m\d+\w*)?)\[(?P<dims>[\d,<=]*)\](?:\{(?P<layout>[^}]*)\})?"
)
_SPACE = re.compile(r"S\((\d+)\)")
_TILE = re.compile(r"T\(([\d,]+)\)")
_NAME = re.compile(r"%([\w.-]+)")
_NO_BYTES = ("token", "opaque")


@dataclasses.dataclass(frozen=True)
class Array:
    """What lies somewhere.

    Attributes:
      dtype: as HLO writes it, "bf16" say.
      dims: of each device's part.
      order: its axes as they lie, the quickest first; none for as they are written.
      tile: what its quickest axes are filled up to multiples of, slowest first.
      space: where it lies: 0 is the chip's main memory, or HBM; others are on the chip.
    """

    dtype: str
    dims: tuple[int, ...]
    order: tuple[int, ...] = ()
    tile: tuple[int, ...] = ()
    space: int = 0

    @property
    def bytes(self) -> int:
        """Of its numbers; each takes one at least, a predicate also."""
        return self._width * math.prod(self.dims)

    @property
    def room(self) -> int:
        """Bytes that it lies in, its padding to whole tiles with them."""
        order = self.order or (*reversed(range(len(self.dims))),)
        sizes = [self.dims[axis] for axis in order]
        for place, step in enumerate(reversed(self.tile[-len(sizes) :])):
            if place < len(sizes):
                sizes[place] = -(-sizes[place] // step) * step
        return self._width * math.prod(sizes)

    @property
    def _width(self) -> int:
        if self.dtype in _NO_BYTES:
            return 0
        bits = re.search(r"\d+", self.dtype)
        return max(int(bits.group()) // 8, 1) if bits else 1


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line.

    Attributes:
      name: unique in its program.
      opcode: what is done.
      arrays: that it makes.
      given: what stands in its brackets: names, or a literal.
      rest: all behind the brackets.
    """

    name: str
    opcode: str
    arrays: tuple[Array, ...]
    given: str
    rest: str

    @functools.cached_property
    def operands(self) -> tuple[str, ...]:
        """Names of the instructions that it reads."""
        return tuple(_NAME.findall(self.given))

    def attribute(self, pattern: str) -> str | None:
        """What the first group of a pattern finds behind the brackets."""
        found = re.search(pattern, self.rest)
        return found[1] if found else None

    def named(self, attribute: str) -> str | None:
        """The computation that an attribute such as "body" names."""
        return self.attribute(rf"\b{attribute}=%?([\w.-]+)")


@dataclasses.dataclass(frozen=True)
class Computation:
    """Instructions by name, in order, and the one that is its result."""

    name: str
    instructions: dict[str, Instruction]
    root: str

    def arrays(self, name: str) -> tuple[Array, ...]:
        """What an instruction makes; nothing, where there is none of that name."""
        found = self.instructions.get(name)
        return found.arrays if found else ()


@dataclasses.dataclass(frozen=True)
class Module:
    """All computations by name, and the one that is run."""

    computations: dict[str, Computation]
    entry: str


def parse(text: str) -> Module:
    """Reads a compiled program.

    Args:
      text: as `Compiled.as_text()` gives it.

    Raises:
      ValueError: there is no program in it, or a line that is none.
    """
    found, entry = {}, None
    lines = iter(text.splitlines())
    for line in lines:
        if begins := _COMPUTATION.match(line):
            computation = _computation(begins["name"], lines)
            found[computation.name] = computation
            entry = computation.name if begins["entry"] else entry
    if entry is None:
        raise ValueError("no ENTRY in what the compiler wrote")
    return Module(found, entry)


def arrays_of(text: str) -> Iterator[Array]:
    """Arrays of a type, those of tuples one after the other."""
    for found in _ARRAY.finditer(text):
        order, _, laid = (found["layout"] or "").partition(":")
        space, tile = _SPACE.search(laid), _TILE.search(laid)
        yield Array(
            found["dtype"],
            _numbers(found["dims"].replace("<=", "")),
            _numbers(order),
            _numbers(tile[1]) if tile else (),
            int(space[1]) if space else 0,
        )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(",") if one)


def _computation(name: str, lines: Iterator[str]) -> Computation:
    instructions, root = {}, ""
    for line in lines:
        if line.startswith("}"):
            break
        if not (found := _INSTRUCTION.match(line)):
            raise ValueError(f"a line that is not understood: {line.strip()[:80]}")
        instructions[found["name"]] = Instruction(
            found["name"],
            found["opcode"],
            tuple(arrays_of(found["arrays"])),
            found["given"],
            found["rest"],
        )
        root = found["name"] if found["root"] else root
    return Computation(name, instructions, root or next(reversed(instructions), ""))
