"""What chips send one another in a program, as its instructions say.

An instruction goes in, a collective with its bytes comes out. What they cost is worked
out for a ring, the usual way on a torus; no latency is counted.
"""

from __future__ import annotations

import dataclasses
import math
import re

from epik_jax.compiling.hlo import Instruction

KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "collective-permute",
    "all-to-all",
    "collective-broadcast",
)

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


def collective(instruction: Instruction, num_chips: int) -> Collective | None:
    """The exchange that an instruction is, or begins; None where it is none.

    Args:
      instruction: of a compiled program.
      num_chips: take part where no groups are named.
    """
    kind = instruction.opcode.removesuffix("-start")
    if kind not in KINDS:
        return None
    arrays = instruction.arrays
    if kind != instruction.opcode and kind in ("all-gather", "collective-permute"):
        # Operands, as many results, and what the hardware counts by.
        arrays = tuple(x for x in arrays if (x.dtype, x.dims) != ("u32", ()))
        arrays = arrays[len(arrays) // 2 :]
    group = _group(instruction.rest, num_chips)
    size = sum(array.bytes for array in arrays)
    if kind == "reduce-scatter":
        size *= group
    return Collective(kind, size, tuple((x.dtype, x.dims) for x in arrays), group)


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
