"""What a compiler says of a program: time, memory, work, and what chips exchange.

A program and a chip go in, plain figures come out. Estimates are of a roofline: the
longest of computing, memory and links, each at its peak, by the compiler's own counts;
nothing is run.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from epik_jax.compiling.chips import Chip
from epik_jax.compiling.collectives import KINDS, Collective, collectives_of, num_loops
from epik_jax.recipes.program import Program


@dataclasses.dataclass(frozen=True)
class Facts:
    """Figures of one program on one device.

    Attributes:
      compile_seconds: lowering and compiling.
      hbm_bytes: arguments, results that do not lie in these, temporaries and code.
      argument_bytes: of those, what goes in.
      temporary_bytes: of those, what it needs in between.
      flops: of one pass; every loop counts once.
      bytes: of all operands and results, those that stay on the chip, too; as above.
      collectives: what is exchanged; as above.
      num_loops: loops, however often they go round.
    """

    compile_seconds: float
    hbm_bytes: int
    argument_bytes: int
    temporary_bytes: int
    flops: float
    bytes: float
    collectives: tuple[Collective, ...]
    num_loops: int = 0

    def seconds(self, chip: Chip) -> dict[str, float]:
        """The least that each resource takes."""
        moved = sum(one.moved for one in self.collectives)
        return {
            "computing": self.flops / chip.flops_per_second,
            "memory": self.bytes / chip.hbm_per_second,
            "links": moved / chip.link_per_second,
        }

    def estimate(self, chip: Chip) -> tuple[float, str]:
        """The longest of these, and what it is of."""
        each = self.seconds(chip)
        longest = max(each, key=lambda name: each[name])
        return each[longest], longest

    def utilisation(self, chip: Chip) -> float:
        """Share of the peak of products that the estimate comes to (MFU)."""
        seconds, _ = self.estimate(chip)
        return self.seconds(chip)["computing"] / seconds if seconds else 0.0

    def exchanged(self) -> dict[str, dict[str, int]]:
        """Number and bytes of collectives by kind."""
        return {
            kind: {"count": len(some), "bytes": sum(one.bytes for one in some)}
            for kind in KINDS
            if (some := [one for one in self.collectives if one.kind == kind])
        }


def compiled_facts(program: Program, num_devices: int) -> Facts:
    """Compiles a program and reads what came of it.

    Raises:
      ValueError: the compiler refuses it, for its memory say.
    """
    since = time.perf_counter()
    lowered = program.lower()
    try:
        compiled = lowered.compile()
    except RuntimeError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    seconds = time.perf_counter() - since
    memory: Any = compiled.memory_analysis()
    cost: Mapping[str, float] = compiled.cost_analysis() or {}
    text = compiled.as_text() or ""
    held = memory.argument_size_in_bytes + memory.output_size_in_bytes
    held += memory.temp_size_in_bytes + memory.generated_code_size_in_bytes
    return Facts(
        compile_seconds=seconds,
        hbm_bytes=held - memory.alias_size_in_bytes,
        argument_bytes=memory.argument_size_in_bytes,
        temporary_bytes=memory.temp_size_in_bytes,
        flops=cost.get("flops", 0.0),
        bytes=cost.get("bytes accessed", 0.0),
        collectives=tuple(collectives_of(text, num_devices)),
        num_loops=num_loops(text),
    )
