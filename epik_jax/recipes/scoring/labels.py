"""Learning from labels that people gave to pairs, and how well that goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jax.sharding import Mesh

from epik_jax.data.draw import share_of
from epik_jax.evaluation.ranking import rank_candidates
from epik_jax.evaluation.resampling import Ratio
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.scorer import score
from epik_jax.models.scorer_config import ScorerConfig
from epik_jax.objectives import terms
from epik_jax.objectives.objective import Term
from epik_jax.structs import Array, Batch, ModelOutput, Params, TextPair
from epik_jax.teachers.scoring import ScoringNetwork
from epik_jax.text.wordpiece import WordPieces
from epik_jax.training.step import Forward


def make_score_forward(config: ScorerConfig) -> Forward:
    """The forward pass of a scorer over a batch of pairs: logits [B, M, C]."""

    def forward(
        params: Params, batch: Batch, *, key: Array | None, computing: Computing = PLAIN
    ) -> ModelOutput:
        shown = (batch["tokens"], batch["token_mask"], batch["types"])
        student = params["student"]
        logits = score(student, config, *shown, key=key, computing=computing)
        return ModelOutput(logits)

    return forward


def label_term(weight: float = 1.0) -> Term:
    """Cross-entropy of the first header with people's labels."""

    def values(outputs: ModelOutput, batch: Batch) -> tuple[Array, Array]:
        losses = terms.hard_ce(outputs.logits[:, 0], batch["labels"])
        return losses, batch["label_mask"]

    return Term("hard_ce", values, weight)


def for_validation(
    lists: Mapping[str, Sequence[TextPair]], num_validated: int
) -> dict[str, list[TextPair]]:
    """A fixed draw of whole questions of each list, of `num_validated` pairs at least.

    Candidates of a question stay together, or a ranking would be of some of them.
    """
    chosen = {}
    for name, pairs in lists.items():
        questions = sorted({p.text_a for p in pairs}, key=share_of)
        of_each: dict[str, list[TextPair]] = {question: [] for question in questions}
        for pair in pairs:
            of_each[pair.text_a].append(pair)
        kept: list[TextPair] = []
        for question in questions:
            if len(kept) >= num_validated:
                break
            kept += of_each[question]
        chosen[name] = kept
    return chosen


def make_validate_labels(
    config: ScorerConfig,
    pieces: WordPieces,
    chosen: Mapping[str, Sequence[TextPair]],
    right: str,
) -> Callable[[Params, Mesh], dict[str, float]] | None:
    """The main figure of `mean_figure`; "cost" is what it lacks of 1."""
    if not chosen:
        return None

    def validate(params: Params, mesh: Mesh) -> dict[str, float]:
        network = ScoringNetwork(params["student"], config, pieces, mesh)
        said = {name: network.log_probs(pairs) for name, pairs in chosen.items()}
        value = mean_figure(said, chosen, config.labels, right)
        return {"cost": 1.0 - value, main_metric(right): value}

    return validate


def main_metric(right: str) -> str:
    """The name of the figure that scorers are judged by."""
    return "map" if right else "accuracy"


def mean_figure(
    log_probs: Mapping[str, np.ndarray],
    lists: Mapping[str, Sequence[TextPair]],
    labels: Sequence[str],
    right: str,
) -> float:
    """MAP where candidates are ranked, else accuracy; an unweighted mean over lists.

    Args:
      log_probs: name of a list -> float [N, C].
      lists: its pairs, with labels.
      labels: names of the classes.
      right: the class of a candidate that answers; "" where none are ranked.
    """
    values = []
    for name, pairs in lists.items():
        ratio = ratios(log_probs[name], pairs, labels, right)[main_metric(right)]
        if len(ratio.numerators):
            values.append(ratio.value())
    return float(np.mean(values)) if values else 0.0


def ratios(
    log_probs: np.ndarray, pairs: Sequence[TextPair], labels: Sequence[str], right: str
) -> dict[str, Ratio]:
    """Columns of every figure of some pairs: accuracy, and MAP and MRR where ranked.

    Rows of accuracy are pairs, those of one first text drawn together; rows of the
    others are questions.
    """
    written = np.array(labels)[log_probs.argmax(axis=1)]
    there = np.array([pair.label for pair in pairs], dtype=str)
    questions = [pair.text_a for pair in pairs]
    clusters = np.unique(questions, return_inverse=True)[1] if questions else None
    hits = (written == there).astype(np.float64)
    found = {"accuracy": Ratio(hits, np.ones(len(hits)), clusters)}
    if right:
        odds = log_odds(log_probs, list(labels).index(right))
        ranking = rank_candidates(questions, there == right, odds)
        found |= {metric: ranking.ratio(metric) for metric in ("map", "mrr")}
    return found


def log_odds(log_probs: np.ndarray, place: int) -> np.ndarray:
    """Of one class against all others, float64 [N]; of what is all but certain, too.

    Args:
      log_probs: float [N, C].
      place: of the class.
    """
    precise = log_probs.astype(np.float64)
    others = np.delete(precise, place, axis=1)
    return precise[:, place] - np.logaddexp.reduce(others, axis=1)


def question_counts(pairs: Sequence[TextPair], right: str) -> dict[str, int]:
    """How many questions a ranking is of, and which of them say nothing.

    Returns:
      "questions"; "without a right candidate", which no ranking looks at; "of right
      candidates alone", on which every ranking is perfect.
    """
    kinds: dict[str, set[bool]] = {}
    for pair in pairs:
        kinds.setdefault(pair.text_a, set()).add(pair.label == right)
    return {
        "questions": len(kinds),
        "without a right candidate": sum(found == {False} for found in kinds.values()),
        "of right candidates alone": sum(found == {True} for found in kinds.values()),
    }
