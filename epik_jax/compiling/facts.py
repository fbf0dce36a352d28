"""What a compiler says of a program: time, memory, work, and what chips exchange.

A program and a chip go in, plain figures come out. Estimates are of a roofline: the
longest of computing, memory and links, each at its peak; nothing is run.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import jax

from epik_jax.compiling.chips import Chip
from epik_jax.compiling.collectives import KINDS
from epik_jax.compiling.work import Work, work_of

LESS_MEMORY = (
    "raise loop.num_microbatches or mesh.model, or set compute.rematerialise=True"
)
"""What there is to do about a program that does not fit."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """Figures of one program on one device.

    Attributes:
      compile_seconds: of the compiler alone.
      hbm_bytes: arguments, results that do not lie in these, temporaries and code.
      argument_bytes: of those, what goes in.
      temporary_bytes: of those, what it needs in between.
      work: what it does.
    """

    compile_seconds: float
    hbm_bytes: int
    argument_bytes: int
    temporary_bytes: int
    work: Work

    def seconds(self, chip: Chip) -> dict[str, float]:
        """The least that each resource takes."""
        exchanges = self.work.collectives.items()
        moved = sum(one.moved * count for one, count in exchanges)
        return {
            "computing": self.work.flops / chip.flops_per_second,
            "memory": self.work.hbm_traffic / chip.hbm_per_second,
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
        found: dict[str, dict[str, int]] = {}
        for kind in KINDS:
            some = {o: n for o, n in self.work.collectives.items() if o.kind == kind}
            size = sum(one.bytes * count for one, count in some.items())
            if some:
                found[kind] = {"count": sum(some.values()), "bytes": size}
        return found


def compiled_facts(lowered: jax.stages.Lowered, num_devices: int) -> Facts:
    """Compiles a program and reads what came of it.

    Raises:
      ValueError: the compiler refuses it, for its memory say.
    """
    since = time.perf_counter()
    try:
        compiled = lowered.compile()
    except RuntimeError as error:
        raise ValueError(
            f"{str(error).splitlines()[0].rstrip('.')}; where memory is short, "
            f"{LESS_MEMORY}"
        ) from error
    seconds = time.perf_counter() - since
    memory: Any = compiled.memory_analysis()
    held = memory.argument_size_in_bytes + memory.output_size_in_bytes
    held += memory.temp_size_in_bytes + memory.generated_code_size_in_bytes
    return Facts(
        compile_seconds=seconds,
        hbm_bytes=held - memory.alias_size_in_bytes,
        argument_bytes=memory.argument_size_in_bytes,
        temporary_bytes=memory.temp_size_in_bytes,
        work=work_of(compiled.as_text() or "", num_devices),
    )
