"""Whom a run's report is about: systems that answer the same names.

What a run has made goes in, systems with their answers come out: student, chain, bound,
tables and other models. They are scored elsewhere, all by the same code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from epik_jax.bounds import LARGEST_BEAM, LARGEST_WEIGHT, demand, within
from epik_jax.data.draw import drawn
from epik_jax.evaluation.findings import System
from epik_jax.recipes.transliteration.epik import Trained
from epik_jax.recipes.transliteration.networks import load_network
from epik_jax.recipes.transliteration.predictors import (
    from_gold_english,
    greedily,
    greedy_chain,
    summed_chain,
)
from epik_jax.recipes.transliteration.systems import answered
from epik_jax.structs import Example
from epik_jax.teachers.crowd import reranked
from epik_jax.teachers.forward import Decoding, Network
from epik_jax.teachers.table import TableTeacher

STUDENT, WIDE, CHAIN = "student", "student, by beam", "chain"
SUMMED, BOUND = "chain, summed over pivots", "gold English"
"""Names of the systems that a run makes."""


@dataclasses.dataclass(frozen=True)
class ScoreboardConfig:
    """What is measured.

    Attributes:
      num_names: direct names scored, drawn by digest; 0 for all.
      num_pivots: pivots of the chain that sums over several; 0 leaves it out.
      rerank_weight: with which the first of `tables` ranks the answers of that chain
        anew, as one more system; 0 leaves it out.
      beam_width: of a further row for the student; 1 leaves it out.
      tables: rule tables to stand beside.
      others: (name, model folder) of other students, such as a smaller one.
      baselines: (name, model folder) of students without a teacher.
      num_unseen: words of each test list on which the student is measured to the
        chain's own spelling; 0 for none.
      num_timed: words in the timing; 0 for no timing.
      batch_sizes: of the timing.
      repeats: of the timing.
      num_attended: words whose attention is drawn.
      feature_distance: measure how far sounds are apart, by articulatory features; it
        needs the extra `phonetics`, and a millisecond a word and system.
    """

    num_names: int = 0
    num_pivots: int = 4
    rerank_weight: float = 0.0
    beam_width: int = 4
    tables: tuple[str, ...] = ("builtin",)
    others: tuple[tuple[str, str], ...] = ()
    baselines: tuple[tuple[str, str], ...] = ()
    num_unseen: int = 0
    num_timed: int = 512
    batch_sizes: tuple[int, ...] = (1, 32, 256)
    repeats: int = 5
    num_attended: int = 6
    feature_distance: bool = False

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing, and advice that nobody gives."""
        demand(self, 1, "repeats")
        within(self, 1, LARGEST_BEAM, "beam_width")
        within(self, 0, LARGEST_BEAM, "num_pivots")
        demand(self, 0, "num_names", "num_unseen", "num_timed", "num_attended")
        within(self, 0, LARGEST_WEIGHT, "rerank_weight")
        if self.num_timed:
            _demand_sizes(self.batch_sizes)
        if self.rerank_weight and not (self.tables and self.num_pivots):
            raise ValueError("rerank_weight needs a table and num_pivots above 0")
        given = [name for name, _ in (*self.others, *self.baselines)]
        if odd := [name for name in given if not (name.strip() and name.isprintable())]:
            raise ValueError(f"{odd} of others and baselines are no names for a table")
        tables = [_table(kind) for kind in self.tables]
        names = [STUDENT, WIDE, CHAIN, SUMMED, BOUND, *tables, *given]
        names += [_reranked_by(kind) for kind in self.tables[:1]]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"{twice} of others, baselines and tables would name two systems of "
                "one report"
            )


def _demand_sizes(batch_sizes: Sequence[int]) -> None:
    different = {size for size in batch_sizes if size > 0}
    if not batch_sizes or len(different) < len(batch_sizes):
        raise ValueError(f"batch_sizes {batch_sizes} are not positive and different")


def _table(kind: str) -> str:
    return f"table {kind}"


def _reranked_by(kind: str) -> str:
    return f"the same, reranked by table {kind}"


def direct_names(trained: Trained, config: ScoreboardConfig) -> list[Example]:
    """The names that are reported on: Indic to Indic, never used for choosing."""
    names = [e for e in trained.corpus.names if "en" not in e.langs]
    return drawn(names, config.num_names)


def systems(
    trained: Trained, names: Sequence[Example], config: ScoreboardConfig
) -> list[System]:
    """Every system's answers to the same names, the student first.

    Raises:
      ValueError: no name is left but those that are told apart.
    """
    lists = trained.corpus.apart
    if all(e.origin in lists for e in names):
        raise ValueError(f"there is no direct name but those of {lists}")
    teacher, student = trained.teacher, trained.student
    found = [
        answered(STUDENT, "student", names, greedily(student)(names), student),
        _chain(trained, names, config),
    ]
    if all(e.pivot for e in names):
        answers = from_gold_english(teacher)(names)
        bound = answered(BOUND, "oracle", names, answers, teacher)
        note = "the teacher reads the right English form: a bound, no rival"
        found.append(dataclasses.replace(bound, note=note))
    if config.num_pivots:
        found += _summed(teacher, names, config)
    if (width := config.beam_width) > 1:
        beam = Decoding(beam_width=width, num_hypotheses=width)
        answers = student.transliterate(names, beam)
        found.append(answered(WIDE, "student", names, answers, student, beam.label))
    for role, folders in (("student", config.others), ("baseline", config.baselines)):
        for name, folder in folders:
            other = load_network(Path(folder), student.mesh)
            found.append(answered(name, role, names, greedily(other)(names), other))
    for kind in config.tables:
        answers = TableTeacher(kind).transliterate(names)
        found.append(answered(_table(kind), "rules", names, answers, None, "rules"))
    return [_told_apart(system, lists) for system in found]


def _told_apart(system: System, lists: tuple[str, ...]) -> System:
    """The same system with the answers to words of these lists set apart."""
    apart = [p for p in system.predictions if p[0].origin in lists]
    kept = [p for p in system.predictions if p[0].origin not in lists]
    more = [p for p in system.more if p[0].origin not in lists]
    return dataclasses.replace(system, predictions=kept, apart=apart, more=more)


def _chain(
    trained: Trained, names: Sequence[Example], config: ScoreboardConfig
) -> System:
    """The greedy chain, with what it wrote on its way and on pairs with English."""
    teacher = trained.teacher
    chain = greedy_chain(teacher)
    pivots = chain.pivots(names)
    english = [e for e in trained.corpus.names if "en" in e.langs]
    english = drawn(english, config.num_names)
    return dataclasses.replace(
        answered(CHAIN, "chain", names, chain.finish(names, pivots), teacher),
        pivots={e.example_id: p[0].text for e, p in zip(names, pivots, strict=True)},
        note="the same network twice, through English; English pairs once",
        more=list(zip(english, greedily(teacher)(english), strict=True)),
    )


def _summed(
    teacher: Network, names: Sequence[Example], config: ScoreboardConfig
) -> list[System]:
    """The chain that sums over pivots, and the same with a table's advice."""
    chain = summed_chain(teacher, config.num_pivots)
    answers = chain.transliterate(names)
    made = {SUMMED: answers}
    if config.rerank_weight:
        advice = TableTeacher(config.tables[0]).transliterate(names)
        ranked = reranked(answers, advice, config.rerank_weight)
        made[_reranked_by(config.tables[0])] = ranked
    return [
        answered(name, "teacher", names, given, teacher, chain.label)
        for name, given in made.items()
    ]
