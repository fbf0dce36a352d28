"""What chains, advised by a rule table, say of words to a student, as arrays.

Examples go in; for each of them hypotheses with scores come out and, where asked for,
next-token log-probabilities and encoder states of the last network. The same function
fills a cache and answers live.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from epik_jax.bounds import demand
from epik_jax.data.encode import encode
from epik_jax.ragged import Ragged
from epik_jax.structs import Example, Hypothesis
from epik_jax.teacher_cache.schema import Block, Field, Schema
from epik_jax.teachers.advice import CrowdConfig, advised
from epik_jax.teachers.chain import Answers, Chain
from epik_jax.teachers.crowd import hypothesis_log_weights, mixture
from epik_jax.text.vocabulary import Vocabulary, encode_sources, encode_targets


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is kept of an answer.

    Attributes:
      num_hypotheses: at most so many spellings.
      log_probs: the last network's next-token distribution along the best spelling.
      hidden: its encoder states of the best pivot: none, their mean, or all.
      hidden_storage: "int8" quantises states by row.
    """

    num_hypotheses: int = 4
    log_probs: bool = False
    hidden: Literal["none", "pooled", "all"] = "none"
    hidden_storage: Literal["exact", "int8"] = "exact"

    def __post_init__(self) -> None:
        """Refuses an answer without a spelling."""
        demand(self, 1, "num_hypotheses")


@dataclasses.dataclass(frozen=True)
class TransliterationTeacher:
    """A chain, others beside it, and their adviser.

    Attributes:
      chain: what answers; its last network alone gives states.
      vocabulary: shared by teacher and student.
      crowd: how a table joins in.
      wanted: what is kept.
      others: further chains of the same letters; the answers of all are mixed, and
        their distributions averaged, each counting alike.
    """

    chain: Chain
    vocabulary: Vocabulary
    crowd: CrowdConfig
    wanted: Wanted
    others: tuple[Chain, ...] = ()

    @property
    def schema(self) -> Schema:
        """Fields of a signal."""
        last = self.chain.links[-1].network.config
        fields = [
            Field("tokens", _token_dtype(self.vocabulary), ragged=True),
            Field("token_lengths", "int16", ragged=True),
            Field("scores", "float32", ragged=True),
            Field("confidence", "float32"),
        ]
        if self.wanted.log_probs:
            fields.append(
                Field("log_probs", "float16", (last.vocab_size,), ragged=True)
            )
        if self.wanted.hidden != "none":
            ragged = self.wanted.hidden == "all"
            storage = self.wanted.hidden_storage
            fields.append(
                Field("hidden", "float32", (last.width,), ragged, storage)
                if storage == "int8"
                else Field("hidden", "float16", (last.width,), ragged)
            )
        return Schema(tuple(fields))

    def block(self, examples: Sequence[Example]) -> Block:
        """Signals of some examples.

        Fields: `tokens` and `token_lengths` (all spellings, see `Nested`), `scores`
        (their log-probabilities after mixing and reranking), `confidence` (of the
        chains alone: log-probability of their best spelling per letter, the end counted
        as one), and what is wanted beside.
        """
        encoded = encode(examples, self.vocabulary)
        pivots = self.chain.pivots(examples)
        plain = self.chain.finish(examples, pivots)
        if self.others:
            more = [c.finish(examples, c.pivots(examples)) for c in self.others]
            plain = mixture([plain, *more], [1.0] * (1 + len(more)))
        answers = [
            row[: self.wanted.num_hypotheses]
            for row in advised(self.crowd, self.chain, examples, pivots, plain)
        ]
        arrays = _hypothesis_arrays(answers, self.vocabulary)
        arrays["confidence"] = np.array(
            [row[0].log_prob / (len(row[0].text) + 1) for row in plain], np.float32
        )
        best = encode_targets(self.vocabulary, [row[0].text for row in answers])
        arrays |= self._last_network(examples, pivots, best)
        return Block(encoded.keys, encoded.source_digest, arrays)

    def along(self, examples: Sequence[Example], best: Ragged) -> Block:
        """The large signals alone, along spellings that are known already.

        No spelling is searched for: rounding may differ from batch to batch, and
        another one would be found where two are equally likely.

        Args:
          examples: N words.
          best: N rows of tokens and end, which the distributions follow.
        """
        encoded = encode(examples, self.vocabulary)
        arrays = self._last_network(examples, self.chain.pivots(examples), best)
        return Block(encoded.keys, encoded.source_digest, arrays)

    def _last_network(
        self, examples: Sequence[Example], pivots: Answers, best: Ragged
    ) -> dict[str, Ragged | np.ndarray]:
        if not self.wanted.log_probs and self.wanted.hidden == "none":
            return {}
        network = self.chain.links[-1].network
        langs = [e.target_lang for e in examples]
        words = [row[0].text for row in pivots]
        sources = encode_sources(self.vocabulary, words, langs)
        arrays: dict[str, Ragged | np.ndarray] = {}
        if self.wanted.log_probs:
            each = [self._distributions(self.chain, langs, pivots, best)]
            for chain in self.others:
                theirs = chain.pivots(examples)
                each.append(self._distributions(chain, langs, theirs, best))
            arrays["log_probs"] = _averaged(each)
        if self.wanted.hidden != "none":
            hidden = network.hidden(sources)
            states: Ragged | np.ndarray = hidden
            if self.wanted.hidden == "pooled":
                sums = np.add.reduceat(hidden.values, hidden.offsets[:-1], axis=0)
                states = sums / hidden.lengths[:, None]
            arrays["hidden"] = _as(states, self.schema.field("hidden").dtype)
        return arrays

    def _distributions(
        self, chain: Chain, langs: list[str], pivots: Answers, best: Ragged
    ) -> Ragged:
        """Next-token log-probabilities along `best`, marginalised over the pivots.

        p(y_t | y_<t, x) = sum_z w_z p(y_<t | z) p(y_t | y_<t, z), normalised: a pivot
        counts at a position as far as it explains what stands before it.
        """
        network = chain.links[-1].network
        counts = np.array([len(row) for row in pivots])
        whose = np.repeat(np.arange(len(pivots)), counts)
        words = [h.text for row in pivots for h in row]
        sources = encode_sources(self.vocabulary, words, [langs[i] for i in whose])
        each = network.log_probs(sources, best.take(whose))
        if (counts == 1).all():
            return each
        priors = [x for row in pivots for x in hypothesis_log_weights(row)]
        return _marginal_rows(each, np.array(priors), whose, best)


def _averaged(each: Sequence[Ragged]) -> Ragged:
    """The mean of distributions along the same tokens; of one, itself."""
    if len(each) == 1:
        return each[0]
    probs = np.mean([np.exp(one.values.astype(np.float32)) for one in each], axis=0)
    logs = np.log(np.maximum(probs, 1e-30)).astype(np.float16)
    return Ragged(logs, each[0].offsets)


def _marginal_rows(
    each: Ragged, priors: np.ndarray, whose: np.ndarray, best: Ragged
) -> Ragged:
    """Mixes the rows of one example, each by its posterior at every position.

    Args:
      each: a row [T, V] of log-probabilities for every way to an example.
      priors: of each way.
      whose: the example that each way leads to, rising.
      best: the tokens along which all of them were taken.
    """
    lengths = each.lengths
    within = np.arange(len(each.values)) - np.repeat(each.offsets[:-1], lengths)
    place = np.repeat(best.offsets[whose], lengths) + within
    taken = each.values[np.arange(len(place)), best.values[place]].astype(np.float64)
    running = np.cumsum(taken) - taken
    before = running + np.repeat(priors - running[each.offsets[:-1]], lengths)
    order = np.argsort(place, kind="stable")
    sizes = np.bincount(place)
    starts = np.cumsum(sizes) - sizes
    before = before[order]
    top = np.repeat(np.maximum.reduceat(before, starts), sizes)
    posterior = np.exp(before - top)
    posterior /= np.repeat(np.add.reduceat(posterior, starts), sizes)
    probs = np.exp(each.values[order].astype(np.float32)) * posterior[:, None]
    mixed = np.log(np.maximum(np.add.reduceat(probs, starts), 1e-30))
    return Ragged(mixed.astype(np.float16), best.offsets)


def _hypothesis_arrays(
    answers: Answers, vocabulary: Vocabulary
) -> dict[str, Ragged | np.ndarray]:
    counts = np.array([len(row) for row in answers], np.int64)
    flat: list[Hypothesis] = [h for row in answers for h in row]
    encoded = encode_targets(vocabulary, [h.text for h in flat])
    ends = np.concatenate([[0], np.cumsum(counts)])
    per_example = np.diff(encoded.offsets[ends])
    return {
        "tokens": Ragged.from_lengths(
            encoded.values.astype(_token_dtype(vocabulary)), per_example
        ),
        "token_lengths": Ragged.from_lengths(encoded.lengths.astype(np.int16), counts),
        "scores": Ragged.from_lengths(
            np.array([h.log_prob for h in flat], np.float32), counts
        ),
    }


def _token_dtype(vocabulary: Vocabulary) -> str:
    """The narrowest signed type that holds every id."""
    return "int16" if vocabulary.size <= 1 << 15 else "int32"


def _as(values: Ragged | np.ndarray, dtype: str) -> Ragged | np.ndarray:
    if isinstance(values, Ragged):
        return Ragged(values.values.astype(dtype), values.offsets)
    return values.astype(dtype)
