"""Ways to distil a crowd, by the names that TMKD compares them under.

A name goes in, out comes which teachers a student hears, how, and whether it first
hears them on pairs that nobody labelled. Nothing is trained here.

Source: Yang et al. 2020 (TMKD), tables 4 and 5.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, TypeAlias

Preset: TypeAlias = Literal[
    "none", "1-on-1", "1avg-on-1", "m-on-m", "MKD", "TKD", "TMKD"
]
Heard: TypeAlias = Literal["nobody", "one", "averaged", "each", "all"]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a preset comes to.

    Attributes:
      heard: nobody; one teacher; one voice, the mean of all teachers' probabilities;
        each teacher by a student of its own, who answer together; or all of them, by
        a header each.
      general: whether the student first hears them on general pairs.
    """

    heard: Heard
    general: bool = False


PRESETS: dict[Preset, Plan] = {
    "none": Plan("nobody"),
    "1-on-1": Plan("one"),
    "1avg-on-1": Plan("averaged"),
    "m-on-m": Plan("each"),
    "MKD": Plan("all"),
    "TKD": Plan("one", general=True),
    "TMKD": Plan("all", general=True),
}
