"""Teacher and student side by side: how well they tag, how big and how fast they are.

What a run has made goes in, figures that a report holds come out. Lists are tagged
once, by the same code for all systems.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from epik_jax import trees
from epik_jax.evaluation import bootstrap
from epik_jax.evaluation.bootstrap import Interval
from epik_jax.evaluation.entities import EntityScores, joined
from epik_jax.evaluation.glossary import OF_CLASSES, OF_ENTITIES, Metric
from epik_jax.evaluation.resampling import Ratio
from epik_jax.models import initial, labeller
from epik_jax.recipes.latency import LatencyConfig, milliseconds
from epik_jax.recipes.tagging.examination import NUM_RESAMPLES, figures
from epik_jax.recipes.tagging.labels import score
from epik_jax.recipes.tagging.latency import mbert_sized, time_networks
from epik_jax.recipes.tagging.teaching import network_digest
from epik_jax.structs import Sentence
from epik_jax.teachers.labelling import LabellingNetwork

TEACHER, STUDENT, MBERT = "teacher", "student", "mBERT's size, random weights"


@dataclasses.dataclass(frozen=True)
class Tagged:
    """Lists of sentences as one system labelled them.

    Attributes:
      sentences: of all lists, one after the other.
      lists: [N], the name of each sentence's list.
      langs: [N], its language.
      answers: tags of words, or the label of the sentence alone.
      scores: counts of what is right.
      metrics: what is told of it, the most telling first.
    """

    sentences: list[Sentence]
    lists: np.ndarray
    langs: np.ndarray
    answers: list[tuple[str, ...]]
    scores: EntityScores
    metrics: tuple[Metric, ...]

    @classmethod
    def of(
        cls,
        networks: Mapping[str, LabellingNetwork],
        lists: Mapping[str, Sequence[Sentence]],
    ) -> Tagged:
        """Has a system label all lists.

        Args:
          networks: one for all languages, by the name ""; or one each, by theirs.
          lists: by name.
        """
        flat = [s for found in lists.values() for s in found]
        names = [name for name, found in lists.items() for _ in found]
        parts = []
        for lang, network in networks.items():
            rows = [i for i, s in enumerate(flat) if lang in ("", s.lang)]
            parts.append((rows, *score(network, [flat[i] for i in rows])))
        every = [row for rows, _, _ in parts for row in rows]
        if sorted(every) != list(range(len(flat))):
            missing = sorted({s.lang for s in flat} - networks.keys())
            raise ValueError(f"there is no student of {missing}")
        order = np.argsort(every)
        answers = [answer for _, _, found in parts for answer in found]
        pools = next(iter(networks.values())).config.pools
        return cls(
            flat,
            np.array(names, dtype=str),
            np.array([s.lang for s in flat], dtype=str),
            [answers[i] for i in order],
            joined([scores for _, scores, _ in parts]).take(order),
            OF_CLASSES if pools else OF_ENTITIES,
        )

    def figures(self) -> dict[str, Any]:
        """Figures of all, of each language, list and type; how far languages are apart.

        Those of all and of a type are unweighted means over languages; "sd" is the
        population standard deviation of the first metric over them.
        """
        by_language = self._by(self.langs)
        main = self.metrics[0].name
        values = [one[main]["value"] for one in by_language.values() if main in one]
        return {
            "overall": figures(self.scores, self.langs, metrics=self.metrics),
            "sd": float(np.std(values)),
            "by_language": by_language,
            "by_list": self._by(self.lists),
            "by_type": {
                kind: figures(self.scores, self.langs, metrics=self.metrics, kind=kind)
                for kind in self.scores.types
            },
        }

    def _by(self, names: np.ndarray) -> dict[str, dict[str, Any]]:
        """Figures of the sentences of each name."""
        found: dict[str, dict[str, Any]] = {}
        for name in dict.fromkeys(names.tolist()):
            scores = self.scores.take(np.flatnonzero(names == name))
            strata = np.zeros(len(scores.right), np.int64)
            counts = {"n": len(scores.right), "entities": int(scores.there.sum())}
            found[name] = {**counts, **figures(scores, strata, metrics=self.metrics)}
        return found

    def value(self, lang: str) -> float:
        """The first metric over the sentences of a language."""
        rows = np.flatnonzero(self.langs == lang)
        return self.scores.take(rows).value(self.metrics[0].name)

    @property
    def main(self) -> Ratio:
        """Columns of the first metric."""
        return self.scores.ratio(self.metrics[0].name)


def share_kept(student: Tagged, teacher: Tagged) -> dict[str, Any]:
    """The student's mean score as a share of the teacher's, with its interval.

    It is named "kept", and "kept_by_language" the share in each. A share is left out
    where the teacher's score is too near 0 for one to mean anything.
    """
    kept = _kept(student, teacher, np.arange(len(student.langs)))
    by_language = {
        lang: _kept(student, teacher, np.flatnonzero(student.langs == lang))
        for lang in dict.fromkeys(student.langs.tolist())
    }
    found = {lang: one.figure() for lang, one in by_language.items() if one}
    return {
        **({"kept": kept.figure()} if kept else {}),
        "kept_by_language": found,
    }


def _kept(student: Tagged, teacher: Tagged, rows: np.ndarray) -> Interval | None:
    """Over languages in which there is something to find, as `figures` counts them."""
    langs = student.langs[rows]
    columns = [system.main.take(rows) for system in (student, teacher)]
    known = sum(column.denominators for column in columns) > 0
    counted = student.scores.take(rows).counted(langs) & known
    if not counted.any():
        return None
    chosen = np.flatnonzero(counted)
    nothing = Ratio(np.zeros(len(chosen)), np.ones(len(chosen)))
    ours, theirs = (column.take(chosen) for column in columns)
    return bootstrap.share_interval(
        ours, nothing, theirs, langs[chosen], num_resamples=NUM_RESAMPLES
    )


def facts(networks: Sequence[LabellingNetwork]) -> dict[str, Any]:
    """Digest of networks, numbers that they hold, and of these their embeddings'."""
    flat = [trees.flatten(network.params) for network in networks]
    tables = [
        leaf.size
        for leaves in flat
        for path, leaf in leaves.items()
        if path.endswith("embedding")
    ]
    return {
        "digest": "+".join(network_digest(network) for network in networks),
        "parameters": num_parameters(networks),
        "embeddings": sum(tables),
    }


def num_parameters(networks: Sequence[LabellingNetwork]) -> int:
    """Numbers that networks hold together."""
    return sum(trees.num_elements(network.params) for network in networks)


def latencies(
    teacher: LabellingNetwork,
    students: Mapping[str, LabellingNetwork],
    config: LatencyConfig,
    *,
    with_mbert: bool,
) -> dict[str, Any]:
    """Times of teacher and students, and how many times as fast each student is.

    Args:
      teacher: of all of them.
      students: by name.
      config: what is timed.
      with_mbert: time a network of mBERT's size with random weights as well.

    Returns:
      "device", "length", "runs", "matmul_dtype"; "systems": name -> batch size ->
      milliseconds of a pass; "speedup": name of a teacher -> name of a student -> batch
      size -> ratio of means.
    """
    networks = {TEACHER: (teacher.params, teacher.config)}
    networks |= {name: (x.params, x.config) for name, x in students.items()}
    if with_mbert:
        large = mbert_sized(teacher.config.labels)
        drawn = initial.init_params(labeller.parameter_shapes(large), 0)
        networks[MBERT] = (drawn, large)
    logging.info("timing %s", ", ".join(networks))
    found = time_networks(networks, config)
    systems: dict[str, dict[str, Any]] = {name: {} for name in networks}
    for batch_size, timings in found.items():
        for name, (one,) in timings.systems.items():
            systems[name][str(batch_size)] = milliseconds(one)
    slow = [name for name in (TEACHER, MBERT) if name in systems]
    return {
        "device": next(iter(found.values())).device,
        "length": config.length,
        "runs": config.runs,
        "matmul_dtype": config.matmul_dtype,
        "systems": systems,
        "speedup": {
            theirs: {
                ours: {
                    size: systems[theirs][size]["mean_ms"] / one["mean_ms"]
                    for size, one in systems[ours].items()
                }
                for ours in students
            }
            for theirs in slow
        },
    }
