"""Two systems on the same words: paired differences, and words that tell them apart.

Scores go in, parts of a report come out as dicts that JSON can hold. Nothing is scored
here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from epik_jax.evaluation import bootstrap, fidelity, glossary, metrics
from epik_jax.evaluation.findings import System
from epik_jax.evaluation.metrics import WordScores
from epik_jax.evaluation.turns import taking_turns


def compare(
    first: str,
    second: str,
    scores: Mapping[str, WordScores],
    *,
    num_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Paired differences, first minus second, over all pairs and for each pair.

    Metrics that compare an answer with its source are left out: they say how two
    systems differ, not which is better.

    Raises:
      ValueError: the two were scored on different examples.
    """
    a, b = scores[first], scores[second]
    if a.example_ids != b.example_ids:
        raise ValueError(f"{first} and {second} were scored on different examples")
    # Where references do not reach 1 themselves, more need not be better.
    judged = [m for m in a.metrics() if m in b.metrics() and not a.references(m)]
    differences, by_pair = {}, {}
    for metric in judged:
        differences[metric] = _difference(a, b, metric, num_resamples, seed)
    for pair in np.unique(a.pairs):
        rows = np.flatnonzero(a.pairs == pair)
        by_pair[str(pair)] = {
            metric: _difference(a.take(rows), b.take(rows), metric, num_resamples, seed)
            for metric in ("cer", "top1")
        }
    return {
        "first": first,
        "second": second,
        "difference": differences,
        "by_pair": by_pair,
        "outcomes": fidelity.outcomes(a, b),
    }


def against_chain(
    systems: Sequence[System],
    chain: System,
    scores: Mapping[str, WordScores],
    num_rows: int,
) -> dict[str, Any]:
    """How the first system agrees with the chain, and what only one has right.

    Args:
      systems: the one in question first.
      chain: the one that it replaces.
      scores: of all systems, by name.
      num_rows: most words in each of the two lists.

    Raises:
      ValueError: the two did not answer the same examples.
    """
    subject = systems[0]
    agreement = fidelity.against_teacher(subject.predictions, chain.predictions)
    mine, theirs = scores[subject.name], scores[chain.name]
    won = fidelity.rows_right_only(mine, theirs, limit=num_rows)
    lost = fidelity.rows_right_only(theirs, mine, limit=num_rows)
    return {
        "subject": subject.name,
        "chain": chain.name,
        "agreement": metrics.summary(agreement) if len(agreement) else None,
        "only_subject_right": [_row(i, (subject, chain), scores) for i in won],
        "only_chain_right": [_row(i, (subject, chain), scores) for i in lost],
    }


def gap_closed(
    subject: WordScores,
    chain: WordScores,
    oracle: WordScores,
    *,
    num_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """The share of the way from the chain to the oracle that the subject has gone.

    A metric is left out where chain and oracle are too near to speak of a way.
    """
    found: dict[str, Any] = {}
    for metric in ("cer", "top1"):
        made = bootstrap.share_interval(
            subject.ratio(metric),
            chain.ratio(metric),
            oracle.ratio(metric),
            subject.pairs,
            num_resamples=num_resamples,
            seed=seed,
        )
        if made is not None:
            found[metric] = made.figure()
    return found


def sample_rows(
    systems: Sequence[System],
    scores: Mapping[str, WordScores],
    num_rows: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Words of all systems side by side, for people to look at.

    They are drawn blindly, pairs taking turns: no word is chosen for its answers.

    Args:
      systems: whose answers are shown.
      scores: of all systems, by name.
      num_rows: most words.
      seed: of the draw.
    """
    pairs = scores[systems[0].name].pairs
    order = np.random.default_rng(seed).permutation(len(pairs))
    chosen = taking_turns(order, pairs)[:num_rows]
    return [_row(i, systems, scores) for i in chosen]


def _difference(
    a: WordScores, b: WordScores, metric: str, num_resamples: int, seed: int
) -> dict[str, Any]:
    mine, theirs = a.ratio(metric), b.ratio(metric)
    rows = mine.known  # The same for both: what is known hangs on the example alone.
    found = bootstrap.paired_interval(
        mine.take(rows),
        theirs.take(rows),
        a.pairs[rows],
        num_resamples=num_resamples,
        seed=seed,
    )
    higher = not glossary.named(metric).lower_is_better
    verdict = found.verdict(higher_is_better=higher)
    return {**found.figure(), "verdict": verdict}


def _row(
    index: int, systems: Sequence[System], scores: Mapping[str, WordScores]
) -> dict[str, Any]:
    example = systems[0].predictions[index][0]
    pivots = [s.pivots.get(example.example_id, "") for s in systems]
    return {
        "source": example.source,
        "source_lang": example.source_lang,
        "target_lang": example.target_lang,
        "gold": list(example.targets),
        "gold_pivot": example.pivot,
        "pivot": next(filter(None, pivots), ""),
        "answers": {s.name: _answer(s, scores[s.name], index) for s in systems},
    }


def _answer(system: System, scores: WordScores, index: int) -> dict[str, Any]:
    hypotheses = system.predictions[index][1]
    return {
        "text": hypotheses[0].text if hypotheses else "",
        "right": bool(scores.exact[index]),
        "edits": int(scores.edits[index]),
    }
