"""Scores of predicted words against accepted answers.

Predictions go in, one row of numbers per example comes out (`WordScores`), and
`summary` reduces rows to figures. The same code scores teacher, student and rule table.
It neither decodes nor resamples.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from epik_jax.evaluation import feature_distance, sounds
from epik_jax.evaluation.clusters import clusters
from epik_jax.evaluation.glossary import OF_SPELLING
from epik_jax.evaluation.resampling import Ratio
from epik_jax.evaluation.sounds import Heard, KeyFn, WordDistance
from epik_jax.structs import Example, Hypothesis
from epik_jax.text.edits import num_edits
from epik_jax.text.normalise import normalise

Prediction: TypeAlias = tuple[Example, tuple[Hypothesis, ...]]
"""An example and the answers to it, best first; no answers where a system had none."""


@dataclasses.dataclass(frozen=True)
class WordScores:
    """One row per prediction, in the order of the predictions.

    Attributes:
      example_ids: N identities; comparisons of two systems demand equal ones.
      pairs: str [N], such as "hi>ta".
      words: str [N], equal for rows that are resampled together; see `clusters`.
      edits: int64 [N], edits of the first answer to its closest reference.
      ref_length: int64 [N], code points of that reference.
      rank: int64 [N], 1 for a right first answer, 0 where no answer is right.
      num_hypotheses: int64 [N], answers that were given.
      heard: per sound key bool [N, 3], the fields of `sounds.Heard` for the first
        answer.
      distance: float [N], of the first answer's sounds to the nearest reference's; NaN
        where it is not known, or was not asked.
    """

    example_ids: tuple[str, ...]
    pairs: np.ndarray
    words: np.ndarray
    edits: np.ndarray
    ref_length: np.ndarray
    rank: np.ndarray
    num_hypotheses: np.ndarray
    heard: Mapping[str, np.ndarray]
    distance: np.ndarray

    def __len__(self) -> int:
        return len(self.example_ids)

    @property
    def exact(self) -> np.ndarray:
        """Bool [N], true where the first answer equals some reference."""
        return self.rank == 1

    def take(self, rows: np.ndarray) -> WordScores:
        """The named rows (indices), in that order."""
        return WordScores(
            tuple(self.example_ids[i] for i in rows),
            self.pairs[rows],
            self.words[rows],
            self.edits[rows],
            self.ref_length[rows],
            self.rank[rows],
            self.num_hypotheses[rows],
            {name: columns[rows] for name, columns in self.heard.items()},
            self.distance[rows],
        )

    def ratio(self, metric: str) -> Ratio:
        """The metric as numerators and denominators, ready for resampling.

        Args:
          metric: one of `metrics()`.

        Raises:
          ValueError: there is no such metric.
        """
        if metric == "cer":
            edits, length = self.edits.astype(float), self.ref_length.astype(float)
            return Ratio(edits, length, self.words)
        if metric == feature_distance.NAME:
            known = ~np.isnan(self.distance)
            values = np.where(known, self.distance, 0.0)
            return Ratio(values, known.astype(float), self.words)
        return Ratio(self._per_word(metric), np.ones(len(self)), self.words)

    def references(self, metric: str) -> Ratio | None:
        """What the references themselves reach; None where that says nothing."""
        for name, columns in self.heard.items():
            if metric == sounds.cross_name(name):
                reached = columns[:, Heard._fields.index("keepable")].astype(float)
                return Ratio(reached, np.ones(len(self)), self.words)
        return None

    def _per_word(self, metric: str) -> np.ndarray:
        for name, columns in self.heard.items():
            fields = {name: "right", sounds.cross_name(name): "kept"}
            if metric in fields:
                return columns[:, Heard._fields.index(fields[metric])].astype(float)
        if metric in ("top1", "top3", "top5"):
            found = (self.rank > 0) & (self.rank <= int(metric[3:]))
            return found.astype(float)
        if metric == "cer_mean":
            return self.edits / self.ref_length
        if metric == "mrr":
            return np.where(self.rank > 0, 1.0 / np.maximum(self.rank, 1), 0.0)
        if metric == "within_one_edit":
            return (self.edits <= 1).astype(float)
        raise ValueError(f"no metric {metric!r}; there are {self.metrics()}")

    def metrics(self) -> tuple[str, ...]:
        """Names of what can be said of these rows.

        A figure over n answers is left out where no row has that many.
        """
        depth = int(self.num_hypotheses.max(initial=0))
        deeper = tuple(f"top{k}" for k in (3, 5) if depth >= k)
        ranked = ("mrr",) if depth > 1 else ()
        words = ("cer", "cer_mean", "top1", "within_one_edit")
        across = tuple(sounds.cross_name(name) for name in self.heard)
        known = not np.isnan(self.distance).all()
        far = (feature_distance.NAME,) if known else ()
        return words + deeper + ranked + tuple(self.heard) + across + far


def word_scores(
    predictions: Sequence[Prediction],
    keys: Mapping[str, KeyFn] | None = None,
    distance: WordDistance | None = None,
) -> WordScores:
    """Scores every prediction against the accepted answers of its example.

    Both sides pass through `text.normalise`. The closest reference is the one with the
    fewest edits, the longer one of two; an exact match with any reference is right. An
    example without an answer is a wrong word and costs its whole reference.

    Args:
      predictions: examples with answers, best first.
      keys: name -> sound key; each adds columns.
      distance: between the sounds of an answer and a reference; adds a column.

    Raises:
      ValueError: an example has no reference, or one that normalises to nothing.
    """
    keys = dict(keys or {})
    reserved = sorted(set(keys) & {metric.name for metric in OF_SPELLING})
    if reserved:
        raise ValueError(f"a sound key may not be named like a metric: {reserved}")
    rows = [_score(example, given, keys, distance) for example, given in predictions]
    columns = np.array([row[:4] for row in rows], np.int64).reshape(-1, 4).T
    heard = np.array([r.heard for r in rows], bool).reshape(len(rows), len(keys), 3)
    return WordScores(
        example_ids=tuple(e.example_id for e, _ in predictions),
        pairs=np.array(
            [f"{e.source_lang}>{e.target_lang}" for e, _ in predictions], dtype=str
        ),
        words=np.array(clusters([e for e, _ in predictions]), dtype=str),
        edits=columns[0],
        ref_length=columns[1],
        rank=columns[2],
        num_hypotheses=columns[3],
        heard={name: heard[:, i] for i, name in enumerate(keys)},
        distance=np.array([row.distance for row in rows], float),
    )


def summary(scores: WordScores) -> dict[str, float]:
    """Figures over all rows, as fractions of one, with `n` rows.

    What references reach themselves stands under the metric's name with "_references".

    Raises:
      ValueError: there are no rows.
    """
    if not len(scores):
        raise ValueError("no predictions to summarise")
    found: dict[str, float] = {"n": len(scores)}
    for metric in scores.metrics():
        found[metric] = scores.ratio(metric).value()
        if (theirs := scores.references(metric)) is not None:
            found[f"{metric}_references"] = theirs.value()
    return found


def summary_by_pair(scores: WordScores) -> dict[str, dict[str, float]]:
    """`summary` of each language pair's rows, pairs in alphabetical order."""
    return {
        str(pair): summary(scores.take(np.flatnonzero(scores.pairs == pair)))
        for pair in np.unique(scores.pairs)
    }


class _Row(NamedTuple):
    edits: int
    ref_length: int
    rank: int
    num_hypotheses: int
    heard: list[Heard]
    distance: float


def _score(
    example: Example,
    answers: tuple[Hypothesis, ...],
    keys: Mapping[str, KeyFn],
    distance: WordDistance | None,
) -> _Row:
    lang = example.target_lang
    references = [normalise(text, lang) for text in example.targets]
    if not references or not all(references):
        raise ValueError(
            f"{example.example_id}: cannot be scored, its accepted answers are "
            f"{example.targets!r}"
        )
    texts = [normalise(answer.text, lang) for answer in answers]
    best = texts[0] if texts else ""
    edits, negative_length = min(
        (num_edits(best, ref), -len(ref)) for ref in references
    )
    right = [rank for rank, text in enumerate(texts, 1) if text in references]
    return _Row(
        edits,
        -negative_length,
        min(right, default=0),
        len(texts),
        [sounds.heard(best, references, example, key) for key in keys.values()],
        _nearest(best, references, lang, distance),
    )


def _nearest(
    text: str, references: list[str], lang: str, distance: WordDistance | None
) -> float:
    if distance is None:
        return math.nan
    found = [distance(text, reference, lang) for reference in references]
    return min((x for x in found if x is not None), default=math.nan)
