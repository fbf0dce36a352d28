"""What a report is made of: systems with their answers, and what else was measured.

Values only; `report` turns them into figures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from epik_jax.evaluation.fidelity import Similarity
from epik_jax.evaluation.metrics import Prediction, WordScores
from epik_jax.evaluation.timing import Timings

ROLES = ("student", "chain", "oracle", "teacher", "baseline", "rules")


@dataclasses.dataclass(frozen=True)
class System:
    """One system and its answers.

    Attributes:
      name: as readers see it.
      role: one of `ROLES`; colours and the choice of columns hang on it.
      predictions: its answers; all systems answer the same examples in one order.
      decode: how answers were found, such as "greedy"; part of the signature.
      num_parameters: size, or None where that says nothing.
      note: a few words for the table.
      digest: sha256 of the model that answered; "" where that says nothing.
      pivots: example_id -> what the system wrote on its way; empty where nothing.
      apart: answers to words of lists that are told apart, such as names of languages;
        they count in the figures by source alone.
      more: answers for further language pairs, which not every system covers; they
        fill its matrix and count in no other figure.
    """

    name: str
    role: str
    predictions: Sequence[Prediction]
    decode: str = "greedy"
    num_parameters: int | None = None
    note: str = ""
    digest: str = ""
    pivots: Mapping[str, str] = dataclasses.field(default_factory=dict)
    apart: Sequence[Prediction] = ()
    more: Sequence[Prediction] = ()


@dataclasses.dataclass(frozen=True)
class AttentionMap:
    """Where a model looked while it wrote one word.

    Attributes:
      source_lang: language of the source symbols.
      target_lang: language of the target symbols.
      source_symbols: S texts.
      target_symbols: T texts, in the order written.
      weights: float [T, S], rows sum to about one.
    """

    source_lang: str
    target_lang: str
    source_symbols: tuple[str, ...]
    target_symbols: tuple[str, ...]
    weights: np.ndarray

    def __post_init__(self) -> None:
        shape = (len(self.target_symbols), len(self.source_symbols))
        if self.weights.shape != shape:
            raise ValueError(f"weights {self.weights.shape} for symbols {shape}")


@dataclasses.dataclass(frozen=True)
class Findings:
    """What was measured besides the answers; what was not measured stays empty.

    Attributes:
      similarities: name ("pooled", "by position", ...) -> encoder similarity.
      agreements: list of words -> scores of the first system with the chain's spelling
        as the only reference.
      timings: wall times; names equal those of the systems.
      log_rows: lines of the metric log.
      attention: maps of a few words.
    """

    similarities: Mapping[str, Similarity] = dataclasses.field(default_factory=dict)
    agreements: Mapping[str, WordScores] = dataclasses.field(default_factory=dict)
    timings: Timings | None = None
    log_rows: Sequence[Mapping[str, Any]] = ()
    attention: Sequence[AttentionMap] = ()


def demand_comparable(systems: Sequence[System]) -> None:
    """Refuses systems that cannot stand in one report.

    Raises:
      ValueError: no systems, unknown roles, equal names, two chains or oracles, or
        systems that answered different examples.
    """
    names = [s.name for s in systems]
    if not systems or len(set(names)) < len(names):
        raise ValueError(f"a report needs systems of different names, got {names}")
    for system in systems:
        if system.role not in ROLES:
            raise ValueError(f"{system.name}: role {system.role!r} is none of {ROLES}")
    for role in ("chain", "oracle"):
        if sum(s.role == role for s in systems) > 1:
            raise ValueError(f"at most one system may have the role {role!r}")
    ids = [e.example_id for e, _ in systems[0].predictions]
    for system in systems[1:]:
        if [e.example_id for e, _ in system.predictions] != ids:
            raise ValueError(
                f"{system.name} and {systems[0].name} did not answer the same "
                "examples in the same order"
            )
