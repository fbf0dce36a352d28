"""Every figure: what it is called, what it means, and which way is better.

The one home of these facts: reports, pages, terminals and cards take from here what
they show. Nothing is measured here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from epik_jax.evaluation import feature_distance, sounds


@dataclasses.dataclass(frozen=True)
class Metric:
    """One figure.

    Attributes:
      name: in code and in what is written for programs.
      title: for readers, as inside a sentence.
      meaning: in full.
      brief: the same in a line; a terminal shows the metrics that have one.
      lower_is_better: whether less of it is better.
    """

    name: str
    title: str
    meaning: str
    brief: str = ""
    lower_is_better: bool = False

    @property
    def heading(self) -> str:
        """The title at the start of a line."""
        return self.title[:1].upper() + self.title[1:]

    @property
    def definition(self) -> str:
        """The meaning, and which way is better where that is not the usual one."""
        return self.meaning + (" Lower is better." if self.lower_is_better else "")


OF_SPELLING = (
    Metric(
        "cer",
        "CER",
        "Character error rate: Levenshtein edits between the answer and the closest "
        "accepted spelling, in code points after normalisation, summed over the words "
        "and divided by the summed length of those spellings.",
        "edits to the closest accepted spelling, over its length",
        lower_is_better=True,
    ),
    Metric(
        "cer_mean",
        "CER per word",
        "The mean over words of each word's own edits divided by the length of its "
        "closest accepted spelling.",
        lower_is_better=True,
    ),
    Metric(
        "top1",
        "top-1",
        "Share of words whose first answer equals an accepted spelling exactly.",
        "words whose first answer is an accepted spelling",
    ),
    Metric(
        "top3",
        "top-3",
        "Share of words with an accepted spelling among the first three answers.",
    ),
    Metric(
        "top5",
        "top-5",
        "Share of words with an accepted spelling among the first five answers.",
    ),
    Metric(
        "mrr",
        "MRR",
        "Mean reciprocal rank of the first right answer, 0 where there is none.",
    ),
    Metric(
        "within_one_edit",
        "within one edit",
        "Share of words whose first answer is at most one edit away from an accepted "
        "spelling.",
    ),
)

_KEYS = sounds.definitions(sounds.SOUND_KEY_DEFINITIONS)

OF_SOUND = (
    Metric(
        "sound_class",
        "sound class",
        _KEYS["sound_class"],
        "words that sound like an accepted spelling; vowel length, a, voicing and the "
        "like aside",
    ),
    Metric(
        "strict",
        "strict key",
        _KEYS["strict"],
        "the same by the place of consonants alone, behind the exact first sound",
    ),
    Metric(
        "phonetic",
        "phonetic key",
        _KEYS["phonetic"],
        "the same with the first sound by place too, cut after 8 sounds",
    ),
    Metric(
        "cross_sound_class", "sound class of the source", _KEYS["cross_sound_class"]
    ),
    Metric("cross_strict", "strict key of the source", _KEYS["cross_strict"]),
    Metric(
        "cross_phonetic",
        "phonetic key of the source",
        _KEYS["cross_phonetic"],
        "words that keep it; refs: the same of accepted spellings",
    ),
)

DISTANCE = Metric(
    feature_distance.NAME,
    "feature distance",
    feature_distance.DEFINITION,
    "features of sound to change up to an accepted spelling",
    lower_is_better=True,
)

OF_ENTITIES = (
    Metric(
        "f1",
        "F1",
        "Harmonic mean of precision and recall of entities: twice those that are right "
        "over those written and those there, summed over the sentences of a list. An "
        "entity is right where its type and both ends are, by strict IOB2.",
        "entities right in type and at both ends, against those written and there",
    ),
    Metric(
        "precision",
        "precision",
        "Share of the entities written that are right: type and both ends.",
        "share of the entities written that are right",
    ),
    Metric(
        "recall",
        "recall",
        "Share of the entities there are that were written so: type and both ends.",
        "share of the entities there are that were written",
    ),
)

OF_CLASSES = (
    Metric(
        "accuracy",
        "accuracy",
        "Share of the sentences, or pairs of texts, whose label is right; of a class, "
        "share of those of that class.",
        "what is labelled as people did",
    ),
)

OF_RANKS = (
    Metric(
        "map",
        "MAP",
        "Mean over questions of the average precision of their candidates: at each "
        "right one, the share of right ones among those scored as high or higher. "
        "Questions without a right candidate are left out.",
        "average precision of a question's candidates",
    ),
    Metric(
        "mrr",
        "MRR",
        "Mean over questions of one over the rank of the first right candidate; of "
        "equal scores the wrong ones come first. Questions without a right candidate "
        "are left out.",
        "one over the rank of the first right candidate",
    ),
)

METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (*OF_SPELLING, *OF_SOUND, DISTANCE)
}
"""Of written words, by name, in the order in which they are shown."""

ALL_METRICS: Mapping[str, Metric] = {
    **METRICS,
    # A rank of candidates and one of spellings have one name and title.
    **{
        metric.name: metric
        for metric in (*OF_ENTITIES, *OF_CLASSES, *OF_RANKS)
        if metric.name not in METRICS
    },
}


def named(name: str) -> Metric:
    """The metric of a name; a sound key of one's own has no other title than that."""
    return ALL_METRICS.get(name) or Metric(name, name.replace("_", " "), "")


def definitions(keys: Mapping[str, str], with_distance: bool) -> dict[str, str]:
    """What each metric of some scores means, in the order in which they are shown.

    Args:
      keys: name of a sound key -> how it is made.
      with_distance: whether the feature distance is among them.
    """
    spelling = {metric.name: metric.definition for metric in OF_SPELLING}
    far = {DISTANCE.name: DISTANCE.definition} if with_distance else {}
    return {**spelling, **sounds.definitions(keys), **far}
