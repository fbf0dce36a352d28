"""What stands in one list and must not stand in another.

Lists of any kind of example go in, with what makes two of them alike; lists and an
account of what was left out of them come out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

ExampleT = TypeVar("ExampleT")
SplitT = TypeVar("SplitT", bound=str)


def without_leaks(
    lists: Mapping[tuple[SplitT, str], list[ExampleT]],
    guards: Mapping[SplitT, tuple[SplitT, ...]],
    alike: Callable[[ExampleT], Hashable],
    counts: dict[str, dict[str, int]],
    unit: str,
) -> dict[tuple[SplitT, str], list[ExampleT]]:
    """The lists without what would leak from one purpose into another.

    Args:
      lists: as they were read, by split and name.
      guards: split -> splits whose examples it must not hold.
      alike: what is equal for two examples that count as one.
      counts: "split:name" -> counts, to which "held out" and `unit` are added.
      unit: what examples are called.
    """
    known: dict[SplitT, set[Hashable]] = {split: set() for split in guards}
    for (split, _), found in lists.items():
        known[split].update(map(alike, found))
    kept = {}
    for (split, name), found in lists.items():
        held = set().union(*(known[other] for other in guards[split]))
        kept[split, name] = [one for one in found if alike(one) not in held]
        about = counts.setdefault(f"{split}:{name}", {})
        if guards[split]:
            about["held out"] = len(found) - len(kept[split, name])
        about[unit] = len(kept[split, name])
    return kept
