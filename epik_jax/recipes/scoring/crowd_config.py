"""The crowd's settings: teachers side by side, trained here, begun as a BERT, or given.

What is trained of them is made in `crowd`.
"""

from __future__ import annotations

import dataclasses

from epik_jax.bounds import LARGEST_SEED, demand, demand_rate, within
from epik_jax.models.neighbours import demand_offsets
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.legs import Leg, below

CROWD, STUDENT = "crowd", "student"
"""What figures call all teachers together, and who heard them."""


@dataclasses.dataclass(frozen=True)
class TeacherConfig:
    """One teacher.

    Attributes:
      name: of it in figures and in the cache's record.
      folder: of a finished teacher, which is not trained then: a model folder, or that
        of a Hugging Face BERT with the classes of the data; "" trains one.
      start_folder: Hugging Face folder of a BERT that it begins as, with its pieces and
        sizes; "" begins with nothing, or with hidden pieces guessed.
      model: sizes; of a folder all but `max_length`, `dropout` and `matmul_dtype` are
        its own.
      masked: guessing hidden pieces of all training text, before labels are learnt;
        None for none. Networks of equal sizes and settings do it together.
      labels: learning labels.
      matches: whether pieces that stand in both texts are marked as such; a BERT knows
        no such mark.
      offsets: where the first heads of each block begin to look; empty draws them.
      piece_dropout: share of pieces that read as unknown while labels are learnt.
      lists: names of the lists whose pairs it is asked about; empty for all.
      seed: of parameters and dropout while labels are learnt.
    """

    name: str
    model: EncoderConfig
    labels: LegConfig
    folder: str = ""
    start_folder: str = ""
    masked: LegConfig | None = None
    matches: bool = False
    offsets: tuple[int, ...] = ()
    piece_dropout: float = 0.0
    lists: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing, and batches wider than the network."""
        if not self.name or not self.name.replace("-", "").isalnum():
            raise ValueError(
                f"name {self.name!r} is not of letters, digits and hyphens: a folder "
                "is called by it"
            )
        demand_rate(self, "piece_dropout")
        within(self, 0, LARGEST_SEED, "seed")
        demand_offsets(self.offsets, self.model.num_heads, self.model.width)
        if self.folder and self.start_folder:
            raise ValueError(
                "folder and start_folder are both set: a finished teacher is not "
                "trained, whatever it could begin as"
            )
        if self.start_folder and (self.masked or self.offsets or self.matches):
            raise ValueError(
                "start_folder is set beside masked, offsets or matches: a BERT has "
                "guessed pieces, knows where to look and knows no marks; leave them out"
            )
        for leg in (self.masked, self.labels):
            if leg and leg.batches.widths[-1] != self.model.max_length:
                raise ValueError(
                    f"the widest batches hold {leg.batches.widths[-1]} pieces, the "
                    f"network {self.model.max_length}: the numbers must be equal"
                )

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key; nothing of a finished teacher."""
        if self.folder:
            return {}
        masked: dict[str, Leg] = {"masked": self.masked} if self.masked else {}
        return masked | {"labels": self.labels}


@dataclasses.dataclass(frozen=True)
class CrowdConfig:
    """All teachers.

    Attributes:
      teachers: side by side.
      num_teachers: how many of them, the first ones; 0 for all.
      num_validated: dev pairs of each list that a validation scores.
    """

    teachers: tuple[TeacherConfig, ...]
    num_teachers: int = 0
    num_validated: int = 500

    def __post_init__(self) -> None:
        """Refuses no teachers, and two of one name."""
        demand(self, 1, "num_validated")
        within(self, 0, len(self.teachers), "num_teachers")
        names = [teacher.name for teacher in self.teachers]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"teachers {names} are none, or two have one name")
        if taken := {*names} & {CROWD, STUDENT}:
            raise ValueError(f"no teacher may be called {taken.pop()!r}: reports do so")

    @property
    def legs(self) -> dict[str, Leg]:
        """What is trained, by key."""
        found: dict[str, Leg] = {}
        for place, teacher in enumerate(self.used):
            found |= below(f"teachers[{place}]", teacher.legs)
        return found

    @property
    def used(self) -> tuple[TeacherConfig, ...]:
        """The teachers that are asked."""
        return self.teachers[: self.num_teachers or None]
