"""Entities of tagged sentences: which were found, of which type, how well on the whole.

Tags of people and of a system go in, counts by sentence and type come out, from which
precision, recall and F1 follow as ratios of sums. What an entity is, is seqeval's
reading of strict IOB2: one that does not begin with B- is none, and one is right where
its type and both ends are.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Sequence

import numpy as np
from seqeval.scheme import IOB2, Entities

from epik_jax.evaluation.resampling import Ratio

MODE = (
    f"seqeval {importlib.metadata.version('seqeval')}, mode strict, scheme IOB2: whole "
    "entities, counted over all types"
)


@dataclasses.dataclass(frozen=True)
class EntityScores:
    """Counts of entities, a row a sentence and a column a type.

    Attributes:
      types: T of them, sorted.
      right: int [N, T], written and there.
      written: int [N, T], by the system.
      there: int [N, T], by people.
    """

    types: tuple[str, ...]
    right: np.ndarray
    written: np.ndarray
    there: np.ndarray

    def ratio(self, metric: str, kind: str = "") -> Ratio:
        """Columns of "precision", "recall", "f1" or "accuracy", of one type or of all.

        Raises:
          KeyError: there is no such metric or type.
        """
        columns = slice(None)
        if kind:
            place = dict(zip(self.types, range(len(self.types)), strict=True))[kind]
            columns = slice(place, place + 1)
        right, written, there = (
            counts[:, columns].sum(axis=1).astype(np.float64)
            for counts in (self.right, self.written, self.there)
        )
        return {
            "precision": Ratio(right, written),
            "recall": Ratio(right, there),
            # Of sentences there is one label each: what is there is all there is.
            "accuracy": Ratio(right, there),
            "f1": Ratio(2 * right, written + there),
        }[metric]

    def counted(self, strata: np.ndarray, kind: str = "") -> np.ndarray:
        """Sentences of strata in which there is something to find: bool [N].

        Means over strata are over these, whatever a system writes in others.

        Args:
          strata: N labels, such as languages.
          kind: of entities; "" for all.
        """
        there = self.ratio("recall", kind).denominators > 0
        return np.isin(strata, np.unique(strata[there]))

    def take(self, rows: np.ndarray) -> EntityScores:
        """The named sentences."""
        return EntityScores(
            self.types, self.right[rows], self.written[rows], self.there[rows]
        )

    def value(self, metric: str, kind: str = "") -> float:
        """The metric over all sentences; 0 where there is nothing to divide by."""
        ratio = self.ratio(metric, kind)
        return ratio.value() if ratio.denominators.any() else 0.0


def joined(parts: Sequence[EntityScores]) -> EntityScores:
    """The sentences of several scores, one after the other."""
    types = tuple(sorted({kind for part in parts for kind in part.types}))
    tables = []
    for name in ("right", "written", "there"):
        rows = []
        for part in parts:
            counts = getattr(part, name)
            table = np.zeros((len(counts), len(types)), np.int64)
            table[:, [types.index(kind) for kind in part.types]] = counts
            rows.append(table)
        tables.append(np.concatenate(rows))
    return EntityScores(types, *tables)


def entity_scores(
    there: Sequence[Sequence[str]], written: Sequence[Sequence[str]]
) -> EntityScores:
    """Compares tags with tags.

    Args:
      there: a list of IOB2 tags a sentence, by people.
      written: as many, of the same lengths, by a system.

    Raises:
      ValueError: unequal numbers of sentences, or of words in one.

    Source: Tjong Kim Sang and De Meulder 2003 (phrase-level F1); Nakayama 2018
    (seqeval).
    """
    if len(there) != len(written):
        raise ValueError(f"{len(there)} sentences against {len(written)}")
    for row, (theirs, ours) in enumerate(zip(there, written, strict=True)):
        if len(theirs) != len(ours):
            raise ValueError(f"sentence {row}: {len(theirs)} tags against {len(ours)}")
    found = [_entities(tags) for tags in (there, written)]
    types = tuple(sorted({e[0] for rows in found for row in rows for e in row}))
    place = {kind: index for index, kind in enumerate(types)}
    both = [a & b for a, b in zip(*found, strict=True)]
    counts = []
    for rows in (both, found[1], found[0]):
        table = np.zeros((len(rows), len(types)), np.int64)
        for row, entities in enumerate(rows):
            for kind, _, _ in entities:
                table[row, place[kind]] += 1
        counts.append(table)
    return EntityScores(types, *counts)


def strict_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags of which each I- goes on an entity; what goes on none is outside.

    It has the entities that are counted here, and no mark of any other.
    """
    found: list[str] = []
    for tag in tags:
        begun = found and found[-1] != "O" and found[-1][2:] == tag[2:]
        found.append(tag if tag.startswith("B-") or begun else "O")
    return tuple(found)


def _entities(rows: Sequence[Sequence[str]]) -> list[set[tuple[str, int, int]]]:
    """Type, first word and word after the last, of each sentence's entities."""
    found = Entities([list(row) for row in rows], IOB2)
    return [{(e.tag, e.start, e.end) for e in row} for row in found.entities]
