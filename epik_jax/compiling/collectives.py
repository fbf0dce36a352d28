"""What chips send one another in a program, read out of its compiled text.

HLO text goes in, collectives with their bytes come out. What they cost is worked out
for a ring, the usual way on a torus; no latency is counted.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator

KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "collective-permute",
    "all-to-all",
    "collective-broadcast",
)

_INSTRUCTION = re.compile(
    rf"^\s*(?:ROOT )?%?[\w.-]+ = (?P<shape>.*?) (?P<kind>{'|'.join(KINDS)})"
    r"(?P<start>-start)?\((?P<rest>.*)$",
    re.MULTILINE,
)
_LOOP = re.compile(r"^\s*(?:ROOT )?%?[\w.-]+ = .*? while\(", re.MULTILINE)
_SHAPE = re.compile(r"(?P<dtype>[a-z]+\d*(?:e\d+m\d+\w*)?)\[(?P<dims>[\d,]*)\]")
_IOTA_GROUPS = re.compile(r"replica_groups=\[\d+,(\d+)\]<=")
_MESH_GROUPS = re.compile(r"replica_groups=mesh\[(?P<axes>[^]]*)\] \{(?P<of>[^}]*)\}")
_LISTED_GROUPS = re.compile(r"replica_groups=\{\{([\d,]*)\}")


@dataclasses.dataclass(frozen=True)
class Collective:
    """One exchange among chips.

    Attributes:
      kind: one of `KINDS`.
      bytes: that each chip holds when it is done; of a reduce-scatter, before.
      shapes: (dtype, dimensions) of what it makes, on each chip.
      group: chips that take part.
    """

    kind: str
    bytes: int
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    group: int

    @property
    def moved(self) -> float:
        """Bytes that leave each chip, in a ring of all that take part."""
        share = (self.group - 1) / self.group if self.group else 0.0
        return {"all-reduce": 2 * share, "collective-permute": 1.0}.get(
            self.kind, share
        ) * self.bytes


def collectives_of(text: str, num_chips: int) -> list[Collective]:
    """All collectives of a compiled program; those of a loop once.

    Args:
      text: HLO, as `Compiled.as_text()` gives it.
      num_chips: take part where no groups are named.
    """
    return [_collective(found, num_chips) for found in _INSTRUCTION.finditer(text)]


def num_loops(text: str) -> int:
    """Loops of a compiled program, whose rounds a compiler's counts leave out."""
    return len(_LOOP.findall(text))


def _collective(found: re.Match[str], num_chips: int) -> Collective:
    kind, shapes = found["kind"], tuple(_shapes(found["shape"]))
    if found["start"] and kind in ("all-gather", "collective-permute"):
        # Operands, as many results, and what the hardware counts by.
        arrays = [shape for shape in shapes if shape != ("u32", ())]
        shapes = tuple(arrays[len(arrays) // 2 :])
    size = sum(_bytes(*shape) for shape in shapes)
    group = _group(found["rest"], num_chips)
    if kind == "reduce-scatter":
        size *= group
    return Collective(kind, size, shapes, group)


def _shapes(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    for found in _SHAPE.finditer(text):
        dims = found["dims"]
        yield found["dtype"], tuple(int(d) for d in dims.split(",") if d)


def _bytes(dtype: str, dims: Iterable[int]) -> int:
    """Bytes of an array; a predicate takes one, as all below eight bits do here."""
    bits = re.search(r"\d+", dtype)
    return max(int(bits.group()) // 8, 1) * math.prod(dims) if bits else math.prod(dims)


def _group(rest: str, num_chips: int) -> int:
    if found := _IOTA_GROUPS.search(rest):
        return int(found[1])
    if found := _MESH_GROUPS.search(rest):
        sizes = dict(axis.strip().split("=") for axis in found["axes"].split(","))
        of = [axis.strip() for axis in found["of"].split(",")]
        return math.prod(int(sizes[axis]) for axis in of if axis)
    if found := _LISTED_GROUPS.search(rest):
        return found[1].count(",") + 1 if found[1] else num_chips
    return num_chips
