"""Programs that are the same, told once.

Programs go in, those that differ come out, each with all that it stands for: teachers
of one shape, say, which are trained by the same update.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import jax

from epik_jax.recipes.program import Program


@dataclasses.dataclass(frozen=True)
class Lowered:
    """A program as its compiler takes it.

    Attributes:
      programs: that are this one, of different names.
      lowered: for the compiler; None where there is no such program.
      failed: why not.
    """

    programs: tuple[Program, ...]
    lowered: jax.stages.Lowered | None = None
    failed: str = ""


def distinct(programs: Iterable[Program]) -> list[Lowered]:
    """Lowers programs, and keeps the first of those whose text is the same."""
    found: dict[str, Lowered] = {}
    for program in programs:
        try:
            lowered = program.lower()
        except (TypeError, ValueError) as error:
            one, key = Lowered((program,), failed=str(error)), program.name
        else:
            one, key = Lowered((program,), lowered), lowered.as_text()
        if first := found.get(key):
            programs = (*first.programs, program)
            one = dataclasses.replace(first, programs=programs)
        found[key] = one
    return [*found.values()]
