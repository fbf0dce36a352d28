"""What of a program a TPU would waste, in words.

A program, its facts and a chip go in; a line for each finding comes out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from epik_jax import trees
from epik_jax.compiling.chips import GIB, Chip
from epik_jax.compiling.facts import LESS_MEMORY, Facts
from epik_jax.recipes.program import Program

LANES, SUBLANES = 128, 8
"""An array lies in tiles of so many columns and rows of 32 bits, whatever it fills."""

LARGE = 2**16
"""Numbers of a parameter whose exchange as a whole is worth a word."""

_MANY_SHAPES = 4
_WASTE = 0.25


def warnings_of(program: Program, facts: Facts, chip: Chip) -> list[str]:
    """What is to be said of a program, each once.

    Args:
      program: before it was compiled.
      facts: of it compiled.
      chip: that it is for.
    """
    found = (
        *_memory(facts, chip),
        *_gathered(program, facts),
        *_padding(program),
        *_shapes(program),
    )
    return [*dict.fromkeys(found)]


def _memory(facts: Facts, chip: Chip) -> Iterator[str]:
    if facts.hbm_bytes > chip.hbm_bytes:
        yield (
            f"needs {facts.hbm_bytes / GIB:.1f} GiB, a chip has "
            f"{chip.hbm_bytes / GIB:.0f}: {LESS_MEMORY}"
        )


def _gathered(program: Program, facts: Facts) -> Iterator[str]:
    leaves = trees.flatten(program.params)
    large = {x.shape: p for p, x in leaves.items() if math.prod(x.shape) >= LARGE}
    for one in facts.work.collectives:
        for _, dims in one.shapes:
            if one.kind == "all-gather" and dims in large:
                yield (
                    f"gathers {[*dims]} on every chip, the whole of {large[dims]} or "
                    "of an array of its shape"
                )


def _padding(program: Program) -> Iterator[str]:
    width = program.head_width
    if width and width % LANES:
        filled = width / (math.ceil(width / LANES) * LANES)
        yield (
            f"heads are {width} wide, a tile {LANES}: {1 - filled:.0%} of attention's "
            "products are padding"
        )
    leaves = [
        x.shape for x in trees.flatten(program.params).values() if len(x.shape) > 1
    ]
    held = sum(math.prod(dims) for dims in leaves)
    wasted = 1 - held / max(sum(map(_in_tiles, leaves)), 1)
    if wasted > _WASTE:
        yield f"{wasted:.0%} of the memory of parameters is padding to whole tiles"


def _in_tiles(dims: tuple[int, ...]) -> int:
    """Numbers that an array takes up, its last two dimensions in whole tiles."""
    *outer, rows, columns = dims
    tiles = math.ceil(rows / SUBLANES) * math.ceil(columns / LANES)
    return math.prod(outer) * tiles * SUBLANES * LANES


def _shapes(program: Program) -> Iterator[str]:
    if len(program.widths) > _MANY_SHAPES:
        yield (
            f"is compiled for up to {len(program.widths)} widths in a run, each when "
            "it is first met"
        )
