"""The strategies of XtremeDistil: what is learnt when, and what may move meanwhile.

A name goes in, sub-stages come out: parts of the objective, parameters that move, and a
share of the budget. Nothing is trained here.

Source: Mukherjee and Awadallah 2020, algorithm 1 and table 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

Part: TypeAlias = Literal["representation", "logits", "labels"]
Strategy: TypeAlias = Literal["D0", "D0-S", "D1", "D2", "D3.1", "D3.2", "D4.1", "D4.2"]

PARTS: tuple[Part, ...] = get_args(Part)


@dataclasses.dataclass(frozen=True)
class Leg:
    """What is learnt at a time.

    Attributes:
      parts: of the objective.
      thaws: whether parameters come to move group by group, the labels' first.
    """

    parts: tuple[Part, ...]
    thaws: bool = False

    @property
    def name(self) -> str:
        """Of one part its name, of several "joint"."""
        return self.parts[0] if len(self.parts) == 1 else "joint"


_LABELS = Leg(("labels",))
_REPRESENTATION = Leg(("representation",))
_LOGITS = Leg(("logits",))
_LAST_TWO = Leg(("logits", "labels"))

STRATEGIES: dict[Strategy, tuple[Leg, ...]] = {
    "D0": (_LABELS,),
    "D0-S": (_LABELS,),
    "D1": (_LAST_TWO,),
    "D2": (Leg(PARTS),),
    "D3.1": (_REPRESENTATION, _LAST_TWO),
    "D3.2": (_REPRESENTATION, _LAST_TWO),
    "D4.1": (_REPRESENTATION, _LOGITS, _LABELS),
    "D4.2": (_REPRESENTATION, _LOGITS, _LABELS),
}
"""D0 trains a student a language, D0-S one for all; D1 and D2 learn from people and
from the teacher at once, D3 and D4 one after the other; D3.2 and D4.2 thaw."""

BY_LANGUAGE: frozenset[Strategy] = frozenset({"D0"})
_THAWING: frozenset[Strategy] = frozenset({"D3.2", "D4.2"})

GROUPS = {
    "head": ("^student/head/", 0.05),
    "projection": ("^student/projection/", 0.1),
    "bridge": ("^bridge/", 0.1),
    "bilstm": ("^student/bilstm/", 0.25),
    "embedding": ("^student/embedding$", 0.6),
}
"""Parameters in the order in which they thaw: their paths, and how much of a leg's
steps begins when they do."""


@dataclasses.dataclass(frozen=True)
class SubStage:
    """One stage of training.

    Attributes:
      name: such as "2-logits-bilstm".
      parts: of the objective.
      trainable: path patterns of what moves.
      share: of the student's steps.
    """

    name: str
    parts: tuple[Part, ...]
    trainable: tuple[str, ...]
    share: float


def sub_stages(
    strategy: Strategy,
    *,
    bridge: bool,
    thawing: Sequence[Part],
    shares: Sequence[float],
) -> tuple[SubStage, ...]:
    """The stages of a strategy, in order; their shares add up to 1.

    Args:
      strategy: one of `STRATEGIES`.
      bridge: whether the projection to the teacher's width is trained beside the
        student instead of within it.
      thawing: legs that thaw where the strategy does; a joint leg is named by its last
        part.
      shares: of the budget, of representation, logits and labels; a joint leg has those
        of all its parts.
    """
    found = []
    legs = STRATEGIES[strategy]
    weights = [sum(shares[PARTS.index(part)] for part in leg.parts) for leg in legs]
    for number, (leg, weight) in enumerate(zip(legs, weights, strict=True), 1):
        groups = _groups(leg, bridge)
        patterns = [GROUPS[name][0] for name in groups]
        share, name = weight / sum(weights), f"{number}-{leg.name}"
        if strategy not in _THAWING or leg.parts[-1] not in thawing:
            found.append(SubStage(name, leg.parts, tuple(patterns), share))
            continue
        whole = sum(GROUPS[name][1] for name in groups)
        for place, group in enumerate(groups, 1):
            found.append(
                SubStage(
                    f"{name}-{group}",
                    leg.parts,
                    tuple(patterns[:place]),
                    share * GROUPS[group][1] / whole,
                )
            )
    return tuple(found)


def _groups(leg: Leg, bridge: bool) -> list[str]:
    """Groups of parameters that a leg's objective depends on."""
    left_out = set() if bridge else {"bridge"}
    if bridge:
        left_out.add("projection")
    if leg.parts == ("representation",):
        left_out.add("head")
    elif "representation" not in leg.parts:
        left_out.add("bridge")
    return [name for name in GROUPS if name not in left_out]
