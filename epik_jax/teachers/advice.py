"""A rule table that joins a chain: it proposes, is mixed in, ranks answers anew.

The chain's answers go in, those of both together come out, best first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from epik_jax.bounds import LARGEST_WEIGHT, within
from epik_jax.ragged import Ragged
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.chain import Answers, Chain
from epik_jax.teachers.crowd import mixture, reranked, with_proposals
from epik_jax.teachers.forward import Network
from epik_jax.teachers.table import TableTeacher
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import encode_sources, encode_targets
from epik_jax.text.wellformed import is_wellformed


@dataclasses.dataclass(frozen=True)
class CrowdConfig:
    """How a rule table joins the chain.

    Attributes:
      table: which table; "none" for the chain alone.
      proposes: the table's spelling stands for election too, with the probability
        that the chain's last network gives it.
      rerank_weight: nats that a spelling wholly unlike the table's costs; 0 for none.
      mixture_weight: the table's share of the distribution over answers; 0 for none.
      by_confidence: mixture weights further count how sure each teacher is.
    """

    table: Literal["none", "builtin", "icu"] = "none"
    proposes: bool = False
    rerank_weight: float = 0.0
    mixture_weight: float = 0.0
    by_confidence: bool = False

    def __post_init__(self) -> None:
        """Refuses weights that could have no effect."""
        joins = self.proposes or self.rerank_weight or self.mixture_weight
        if bool(joins) != (self.table != "none"):
            raise ValueError(
                f"table {self.table!r} with proposes {self.proposes}, rerank_weight "
                f"{self.rerank_weight} and mixture_weight {self.mixture_weight}: name "
                "a table and a way for it to join, or neither"
            )
        within(self, 0, LARGEST_WEIGHT, "rerank_weight")
        if not 0.0 <= self.mixture_weight < 1.0:
            raise ValueError(f"mixture_weight {self.mixture_weight} is not in [0, 1)")


def adviser(kind: str) -> TableTeacher:
    """The rule table of that name.

    Raises:
      ValueError: there is no such table, or what it needs is not installed.
    """
    try:
        return TableTeacher(kind)
    except ImportError as error:
        raise ValueError(str(error)) from error


def advised(
    crowd: CrowdConfig,
    chain: Chain,
    examples: Sequence[Example],
    pivots: Answers,
    answers: Answers,
) -> Answers:
    """The chain's answers after the table has had its say.

    What the table writes becomes an answer only where it is well-formed.

    Args:
      crowd: how it joins in.
      chain: whose last network says how likely a proposal is.
      examples: that were asked.
      pivots: what the chain handed on for each, best first.
      answers: the chain's own, best first.
    """
    if crowd.table == "none":
        return answers
    advice = adviser(crowd.table).transliterate(examples)
    sound = [
        is_wellformed(row[0].text, e.target_lang)
        for row, e in zip(advice, examples, strict=True)
    ]
    if crowd.proposes:
        nothing = (Hypothesis("", 0.0),)
        proposals = [
            row if good else nothing for row, good in zip(advice, sound, strict=True)
        ]
        likely = _likely(chain, examples, pivots, proposals)
        answers = with_proposals(answers, proposals, likely)
    if share := crowd.mixture_weight:
        # A mixture of the answers with themselves leaves them as they are.
        joining = [
            row if good else own
            for row, good, own in zip(advice, sound, answers, strict=True)
        ]
        answers = mixture(
            [answers, joining], [1.0 - share, share], by_confidence=crowd.by_confidence
        )
    if crowd.rerank_weight:
        answers = reranked(answers, advice, crowd.rerank_weight)
    return answers


def _likely(
    chain: Chain, examples: Sequence[Example], pivots: Answers, advice: Answers
) -> list[float]:
    """How likely the last network finds the table's spelling, from the best pivot.

    Under the script constraint, as its own answers are: they stand for election beside
    it.
    """
    network = chain.links[-1].network
    proposals = encode_targets(network.vocabulary, [row[0].text for row in advice])
    langs = [e.target_lang for e in examples]
    words = [row[0].text for row in pivots]
    each = network.log_probs(
        encode_sources(network.vocabulary, words, langs), proposals
    )
    taken = each.values[np.arange(len(each.values)), proposals.values]
    taken = taken.astype(np.float32)
    if network.follow_LVV is not None:
        taken -= _log_allowed(network, each, proposals, langs)
    return np.add.reduceat(taken, proposals.offsets[:-1]).tolist()


def _log_allowed(
    network: Network, each: Ragged, proposals: Ragged, langs: Sequence[str]
) -> np.ndarray:
    """Logarithm of the probability of all that may come at every token.

    Args:
      network: whose constraint it is.
      each: its log-probabilities along the proposals, [sum of lengths, V].
      proposals: N rows of tokens and end.
      langs: N languages that they are written in.
    """
    before = np.roll(proposals.values, 1)
    before[proposals.offsets[:-1]] = network.vocabulary.bos_id
    lang = np.repeat([LANGUAGES.index(name) for name in langs], proposals.lengths)
    allowed_LVV: np.ndarray = network.follow_LVV  # type: ignore[assignment]
    probs = np.exp(each.values.astype(np.float32)) * allowed_LVV[lang, before]
    return np.log(np.maximum(probs.sum(axis=1), 1e-30))
