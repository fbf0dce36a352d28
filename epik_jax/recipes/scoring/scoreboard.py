"""Teachers, their crowd and the student side by side: how well they score pairs.

What a run has made goes in, figures that a report holds come out.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from epik_jax import trees
from epik_jax.evaluation import bootstrap
from epik_jax.evaluation.glossary import OF_CLASSES, OF_RANKS, Metric
from epik_jax.evaluation.resampling import Ratio
from epik_jax.models.scorer import predicted, score
from epik_jax.models.scorer_config import EncoderScorerConfig, ScorerConfig
from epik_jax.recipes.latency import LatencyConfig, Pass, milliseconds, time_passes
from epik_jax.recipes.scoring.digests import network_digest
from epik_jax.recipes.scoring.labels import ratios
from epik_jax.structs import Array, Params, TextPair
from epik_jax.teachers.scoring import ScoringNetwork

NUM_RESAMPLES = 1000


@dataclasses.dataclass(frozen=True)
class Scored:
    """Lists of pairs as one system scored them.

    Attributes:
      networks: whose probabilities are averaged.
      ratios: metric -> columns of all lists, one after the other.
      lists: metric -> name of the list of each row.
      metrics: what is told of it, the most telling first.
      said: list -> logarithms of probabilities [N, C].
    """

    networks: tuple[ScoringNetwork, ...]
    ratios: Mapping[str, Ratio]
    lists: Mapping[str, np.ndarray]
    metrics: tuple[Metric, ...]
    said: Mapping[str, np.ndarray]

    @classmethod
    def of(
        cls,
        networks: Sequence[ScoringNetwork],
        lists: Mapping[str, Sequence[TextPair]],
        right: str,
    ) -> Scored:
        """Has networks score all lists; of several the mean of probabilities counts.

        Args:
          networks: of the same classes.
          lists: by name, with labels.
          right: the class of a candidate that answers; "" where none are ranked.
        """
        said = {name: averaged(networks, pairs) for name, pairs in lists.items()}
        found = {
            name: ratios(said[name], pairs, _labels(networks), right)
            for name, pairs in lists.items()
        }
        metrics = (*(OF_RANKS if right else ()), *OF_CLASSES)
        columns, names = {}, {}
        for metric in metrics:
            parts = [one[metric.name] for one in found.values()]
            columns[metric.name] = joined(parts)
            counts = [len(part.numerators) for part in parts]
            names[metric.name] = np.repeat(np.array([*found], dtype=str), counts)
        return cls(tuple(networks), columns, names, metrics, said)

    @property
    def main(self) -> str:
        """The metric that it is judged by: the first that anything is counted of."""
        told = (m.name for m in self.metrics if len(self.ratios[m.name].numerators))
        return next(told, "accuracy")

    def figures(self) -> dict[str, Any]:
        """Figures over all lists, an unweighted mean of theirs, and of each list."""
        by_list: dict[str, dict[str, Any]] = {}
        for name in dict.fromkeys(self.lists["accuracy"].tolist()):
            by_list[name] = {"n": int((self.lists["accuracy"] == name).sum())}
            for metric, names in self.lists.items():
                rows = np.flatnonzero(names == name)
                if len(rows):
                    ratio = self.ratios[metric].take(rows)
                    by_list[name][metric] = _interval(ratio, np.zeros(len(rows)))
        overall = {
            metric: _interval(ratio, self.lists[metric])
            for metric, ratio in self.ratios.items()
            if len(ratio.numerators)
        }
        return {"overall": overall, "by_list": by_list}


def averaged(
    networks: Sequence[ScoringNetwork], pairs: Sequence[TextPair]
) -> np.ndarray:
    """Logarithms of the mean probabilities of networks, float64 [N, C]."""
    said = [one.log_probs(pairs).astype(np.float64) for one in networks]
    found: np.ndarray = np.logaddexp.reduce(said, axis=0) - np.log(len(said))
    return found


def facts(networks: Sequence[ScoringNetwork]) -> dict[str, Any]:
    """Digest of networks, and numbers that they hold together."""
    return {
        "digest": "+".join(network_digest(network) for network in networks),
        "parameters": sum(trees.num_elements(one.params) for one in networks),
    }


def difference(ours: Scored, theirs: Scored) -> dict[str, Any]:
    """Paired differences of every figure, each with its verdict."""
    found = {}
    for metric, ratio in ours.ratios.items():
        if len(ratio.numerators):
            one = bootstrap.paired_interval(
                ratio,
                theirs.ratios[metric],
                ours.lists[metric],
                num_resamples=NUM_RESAMPLES,
            )
            verdict = one.verdict(higher_is_better=True)
            found[metric] = {**one.figure(), "verdict": verdict}
    return found


def latencies(
    systems: Mapping[str, Sequence[ScoringNetwork]], config: LatencyConfig
) -> dict[str, Any]:
    """Times of systems that are one network, or several asked one after the other.

    Returns:
      "device", "length", "runs", "matmul_dtype"; "systems": name -> batch size ->
      milliseconds of a pass and "per_second", pairs scored in a second.
    """
    logging.info("timing %s", ", ".join(systems))
    passes = {name: _timed(one, config) for name, one in systems.items()}
    sizes = [network.config.vocab_size for one in systems.values() for network in one]
    times = time_passes(passes, min(sizes), config)
    found: dict[str, dict[str, Any]] = {name: {} for name in systems}
    for batch_size, timings in times.items():
        for name, (one,) in timings.systems.items():
            rate = 1000.0 * batch_size / one.mean_ms
            found[name][str(batch_size)] = {**milliseconds(one), "per_second": rate}
    return {
        "device": next(iter(times.values())).device,
        "length": config.length,
        "runs": config.runs,
        "matmul_dtype": config.matmul_dtype,
        "systems": found,
    }


def demand_readable(lengths: Mapping[str, int], length: int) -> None:
    """Refuses pairs that are longer than what a network reads.

    Args:
      lengths: name of a network -> most pieces that it reads.
      length: of the pairs that passes are timed with.

    Raises:
      ValueError: says which network.
    """
    for name, longest in lengths.items():
        if longest < length:
            raise ValueError(
                f"config.scoreboard.latency.length is {length}, and {name} reads "
                f"{longest} pieces"
            )


def _labels(networks: Sequence[ScoringNetwork]) -> tuple[str, ...]:
    return networks[0].config.labels


def _interval(ratio: Ratio, strata: np.ndarray) -> dict[str, float]:
    found = bootstrap.interval(ratio, strata, num_resamples=NUM_RESAMPLES)
    return found.figure()


def joined(parts: Sequence[Ratio]) -> Ratio:
    """Columns one after the other; clusters of one list are none of another."""
    clusters, first = [], 0
    for part in parts:
        own = (
            np.arange(len(part.numerators)) if part.clusters is None else part.clusters
        )
        clusters.append(own + first)
        first += int(own.max(initial=-1)) + 1
    return Ratio(
        np.concatenate([part.numerators for part in parts]),
        np.concatenate([part.denominators for part in parts]),
        np.concatenate(clusters),
    )


def _timed(networks: Sequence[ScoringNetwork], config: LatencyConfig) -> Pass:
    placed = [
        (jax.device_put(one.params), _computing(one.config, config.matmul_dtype))
        for one in networks
    ]

    def timed(rows: Sequence[Any]) -> Sequence[Any]:
        tokens = np.stack(rows)
        # As long as each other: what is timed does not depend on where a text ends.
        types = np.arange(tokens.shape[1]) >= tokens.shape[1] // 2
        shown = (
            tokens,
            np.ones(tokens.shape, bool),
            np.tile(types.astype(np.int32), (len(tokens), 1)),
        )
        answers = [_probs(params, *shown, sizes) for params, sizes in placed]
        return jax.block_until_ready(answers)[0]  # type: ignore[no-any-return]

    return timed


def _computing(config: ScorerConfig, dtype: Any) -> ScorerConfig:
    if isinstance(config, EncoderScorerConfig):
        encoder = dataclasses.replace(config.encoder, matmul_dtype=dtype)
        return dataclasses.replace(config, encoder=encoder)
    return dataclasses.replace(config, matmul_dtype=dtype)


@functools.partial(jax.jit, static_argnums=4)
def _probs(
    params: Params,
    tokens: np.ndarray,
    mask: np.ndarray,
    types: np.ndarray,
    config: ScorerConfig,
) -> Array:
    return predicted(score(params, config, tokens, mask, types), config)
