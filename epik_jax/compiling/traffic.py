"""What an instruction reads and writes.

An instruction within its program goes in, arrays with the bytes of them that are
touched come out. Of an array that is cut from, gathered from or written into that part
counts, inside a fusion, too; all else is read and written whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from epik_jax.compiling.hlo import Array, Computation, Instruction, Module

_NOTHING = (
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast"),
    *("while", "conditional", "call", "after-all", "partition-id", "replica-id"),
    *("opt-barrier", "domain", "add-dependency"),
)
"""Names of what is there, or what is counted by the instructions inside."""

_VIEWS = ("bitcast", "reshape")
_CUTS = ("dynamic-slice", "slice", "gather")
_WRITTEN = {"dynamic-update-slice": 1, "scatter": 2}
"""Where the operand stands that is written into the first."""

Touched = tuple[Array, int]


def touched(
    module: Module, within: Computation, instruction: Instruction
) -> Iterator[Touched]:
    """Arrays with the bytes of them that are read or written.

    Args:
      module: the whole program.
      within: where the instruction stands; in no fusion.
      instruction: any; of one that is not known all is read and written.
    """
    opcode = instruction.opcode
    if opcode in _NOTHING or opcode.endswith("-done") or _only_takes_room(instruction):
        return
    read = [array for name in instruction.operands for array in within.arrays(name)]
    inner = module.computations.get(instruction.named("calls") or "")
    if opcode == "fusion" and inner:
        yield from _of_fusion(module, inner, read, instruction.arrays)
    elif opcode.endswith("-start"):
        yield from _moved(instruction, read)
    elif opcode in _CUTS:
        [made] = instruction.arrays
        yield from ((read[0], made.room), *_whole(*read[1:], made))
    elif opcode in _WRITTEN:
        part = read[_WRITTEN[opcode]].room
        yield from (*_whole(*read[1:]), *((made, part) for made in instruction.arrays))
    else:
        yield from _whole(*read, *instruction.arrays)


def _whole(*arrays: Array) -> Iterator[Touched]:
    return ((array, array.room) for array in arrays)


def _only_takes_room(instruction: Instruction) -> bool:
    return 'custom_call_target="AllocateBuffer"' in instruction.rest


def _moved(instruction: Instruction, read: list[Array]) -> Iterator[Touched]:
    """Of what begins to move: its result names what is read, and a counter, too."""
    made = instruction.arrays[len(read) :][: len(read)]
    if instruction.opcode == "copy-start":
        made = instruction.arrays[:1]
    if instruction.opcode == "all-reduce-start":
        made = instruction.arrays  # Alone: they are what is read, summed.
    size = sum(array.room for array in made)
    # A slice is the only one whose result is smaller.
    return iter((*((x, min(x.room, size)) for x in read), *_whole(*made)))


def _of_fusion(
    module: Module,
    inner: Computation,
    read: list[Array],
    made: tuple[Array, ...],
) -> Iterator[Touched]:
    for name, place in _parameters(inner).items():
        if place < len(read):
            yield read[place], _part_read(module, inner, name, read[place].room)
    root = inner.instructions[inner.root]
    roots = root.operands if root.opcode == "tuple" else (root.name,)
    for array, name in zip(made, roots, strict=False):
        yield array, _part_written(inner, name, array.room)


def _parameters(inner: Computation) -> dict[str, int]:
    return {
        one.name: int(one.given)
        for one in inner.instructions.values()
        if one.opcode == "parameter"
    }


def _part_read(module: Module, inner: Computation, name: str, whole: int) -> int:
    """Bytes that are read of what a name stands for, `whole` at most."""
    total = whole if name == inner.root else 0
    for user in inner.instructions.values():
        if name not in user.operands:
            continue
        first = user.operands[0] == name and user.operands.count(name) == 1
        if user.opcode in _VIEWS or _is_view(module, user):
            total += _part_read(module, inner, user.name, whole)
        elif user.opcode in _CUTS and first:
            total += sum(array.room for array in user.arrays)
        elif user.opcode == "fusion" and user.named("calls") in module.computations:
            nested = module.computations[user.named("calls") or ""]
            for given, place in _parameters(nested).items():
                if user.operands[place] == name:
                    total += _part_read(module, nested, given, whole)
        elif not (user.opcode in _WRITTEN and first):
            return whole
    return min(total, whole)


def _is_view(module: Module, user: Instruction) -> bool:
    """Whether it is a fusion that does no more than look at what it is given."""
    inner = module.computations.get(user.named("calls") or "")
    return inner is not None and all(
        one.opcode in (*_VIEWS, "parameter") for one in inner.instructions.values()
    )


def _part_written(inner: Computation, name: str, whole: int) -> int:
    """Bytes that are written of a fusion's result."""
    made = inner.instructions[name]
    while made.opcode in _VIEWS:
        made = inner.instructions[made.operands[0]]
    if made.opcode not in _WRITTEN:
        return whole
    part = inner.arrays(made.operands[_WRITTEN[made.opcode]])
    return sum(array.room for array in part)
