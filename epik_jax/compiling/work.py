"""What a compiled program does in all: products, bytes and exchanges, loops unrolled.

A program's text goes in, totals of one device come out. Each computation counts as
often as it is run: the body of a loop as often as that goes round, of the branches of a
condition the dearest. What cannot be counted is named.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

from epik_jax.compiling.collectives import Collective, collective
from epik_jax.compiling.hlo import Array, Computation, Instruction, Module, parse
from epik_jax.compiling.loops import body_values, rounds
from epik_jax.compiling.products import flops, is_product
from epik_jax.compiling.scalars import Scope, called_by
from epik_jax.compiling.traffic import touched

_PLAIN_CALLS = (
    *("AllocateBuffer", "AssumeGatherIndicesInBound", "GatherScatterIndicesBitpacked"),
    *("ConcatBitcast", "TopK", "ZeroCrop"),
)
"""Targets of custom calls in which there is no product and no loop."""


@dataclasses.dataclass(frozen=True)
class Work:
    """What one device does.

    Attributes:
      flops: of matrix products and convolutions, sums counted beside products.
      traffic: bytes of all that is read or written, padding to whole tiles, too.
      hbm_traffic: of these, what lies in the chip's main memory.
      collectives: how often each exchange is made.
      loops: that there are.
      at_most: whether a loop may end before its last round, which counts here.
      unknown: what could not be counted, in words; the figures leave out how often.
    """

    flops: int = 0
    traffic: int = 0
    hbm_traffic: int = 0
    collectives: Counter[Collective] = dataclasses.field(default_factory=Counter)
    loops: int = 0
    at_most: bool = False
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Work) -> Work:
        """Both, one after the other."""
        return Work(
            self.flops + other.flops,
            self.traffic + other.traffic,
            self.hbm_traffic + other.hbm_traffic,
            self.collectives + other.collectives,
            self.loops + other.loops,
            self.at_most or other.at_most,
            (*dict.fromkeys((*self.unknown, *other.unknown)),),
        )

    def times(self, number: int) -> Work:
        """The same again and again."""
        often = {one: count * number for one, count in self.collectives.items()}
        return dataclasses.replace(
            self,
            flops=self.flops * number,
            traffic=self.traffic * number,
            hbm_traffic=self.hbm_traffic * number,
            collectives=Counter(often),
        )


def work_of(text: str, num_chips: int) -> Work:
    """What a compiled program does.

    Args:
      text: HLO, as `Compiled.as_text()` gives it.
      num_chips: take part in an exchange where no groups are named.
    """
    try:
        module = parse(text)
    except ValueError as error:
        return Work(unknown=(str(error),))
    entry = module.computations[module.entry]
    return _of_computation(Scope(module, entry), num_chips)


def _of_computation(scope: Scope, num_chips: int) -> Work:
    total = Work()
    for instruction in scope.computation.instructions.values():
        total += _of_instruction(scope, instruction, num_chips)
    return total


def _of_instruction(scope: Scope, instruction: Instruction, num_chips: int) -> Work:
    if instruction.opcode == "while":
        return _of_loop(scope, instruction, num_chips)
    if instruction.opcode == "conditional":
        return _of_branches(scope, instruction, num_chips)
    if instruction.opcode == "call" and (called := called_by(scope, instruction)):
        return _of_computation(called, num_chips)
    parts = [*_parts(scope.module, scope.computation, instruction)]
    some = [*touched(scope.module, scope.computation, instruction)]
    return Work(
        flops=sum(flops(one, read) for one, read in parts if is_product(one)),
        traffic=sum(size for _, size in some),
        hbm_traffic=sum(size for array, size in some if not array.space),
        collectives=Counter(
            found for one, _ in parts if (found := collective(one, num_chips))
        ),
        unknown=tuple(told for one, _ in parts if (told := _untold(one))),
    )


def _of_loop(scope: Scope, loop: Instruction, num_chips: int) -> Work:
    """A body as often as it is run; its condition is asked once more than that."""
    carried = body_values(scope, loop)
    body, condition = (
        _of_computation(inner, num_chips) if inner else Work()
        for part in ("body", "condition")
        for inner in [scope.within(loop.named(part), carried)]
    )
    found = rounds(scope, loop)
    most = found.most if found else 1
    one = Work(
        loops=1,
        at_most=found is not None and not found.exact,
        unknown=() if found else (f"how often {loop.name} goes round",),
    )
    return body.times(most) + condition.times(most + 1) + one


def _of_branches(scope: Scope, instruction: Instruction, num_chips: int) -> Work:
    listed = instruction.attribute(r"branch_computations=\{([^}]*)\}")
    truths = [instruction.named(f"{truth}_computation") for truth in ("true", "false")]
    names = listed.replace("%", "").split(", ") if listed else truths
    each = [
        _of_computation(inner, num_chips)
        for name in names
        if (inner := scope.within(name, lambda place: None))
    ]
    return max(each, key=lambda work: (work.flops, work.traffic), default=Work())


def _parts(
    module: Module, within: Computation, instruction: Instruction
) -> Iterator[tuple[Instruction, list[Array]]]:
    """An instruction, or all inside it, each with the arrays that it reads."""
    inner = module.computations.get(instruction.named("calls") or "")
    if inner:
        for one in inner.instructions.values():
            yield from _parts(module, inner, one)
    else:
        read = [x for name in instruction.operands for x in within.arrays(name)]
        yield instruction, read


def _untold(instruction: Instruction) -> str | None:
    """Whatever a call of code that is not in the text may do."""
    if instruction.opcode != "custom-call" or is_product(instruction):
        return None
    target = instruction.attribute(r'custom_call_target="([^"]*)"') or instruction.name
    return None if target in _PLAIN_CALLS else f"what {target} does"
