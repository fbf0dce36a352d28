"""Networks in sequence, as one teacher: the pivot of one is the source of the next.

Examples go in, answers come out, best first. With several pivots the probability of an
answer is the sum over the pivots that led to it, p(y|x) = sum_z p(z|x) p(y|z); with
one it is the plain pipeline (EPIK's teacher, arXiv 2211.14920).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.forward import Decoding, Network

Answers: TypeAlias = list[tuple[Hypothesis, ...]]
"""One tuple of hypotheses for each example, best first."""

KnownPivots: TypeAlias = Mapping[tuple[str, str], tuple[Hypothesis, ...]]
"""(language, word) -> its pivots with log-probabilities, best first."""


@dataclasses.dataclass(frozen=True)
class Link:
    """One stage of a chain.

    Attributes:
      network: what answers.
      lang: language it writes; None for the one that the example asks for.
      decoding: how it searches; `num_hypotheses` answers are handed on.
    """

    network: Network
    lang: str | None
    decoding: Decoding


@dataclasses.dataclass(frozen=True)
class Chain:
    """Any number of networks in sequence.

    Attributes:
      links: in order; the last one writes the language asked for.
      known_pivots: used in place of the first link's answers where a word is found
        there, such as gold romanisations.
    """

    links: tuple[Link, ...]
    known_pivots: KnownPivots = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses a chain that ends nowhere."""
        if not self.links or self.links[-1].lang is not None:
            raise ValueError("the last link of a chain must have lang None")

    @property
    def label(self) -> str:
        """Short name for signatures, such as "greedy" or "beam-4x4" of two links."""
        first, *others = (link.decoding.label for link in self.links)
        if {first, *others} == {"greedy"}:
            return "greedy"
        return "x".join([first, *(label.removeprefix("beam-") for label in others)])

    def transliterate(self, examples: Sequence[Example]) -> Answers:
        """Answers of the last link, summed over the ways that lead to each."""
        return self.finish(examples, self.pivots(examples))

    def pivots(self, examples: Sequence[Example]) -> Answers:
        """What is handed to the last link; of a single link, the sources themselves."""
        handed: Answers = [(Hypothesis(e.source, 0.0),) for e in examples]
        langs = [e.source_lang for e in examples]
        for place, link in enumerate(self.links[:-1]):
            known = [
                self.known_pivots.get((e.source_lang, e.source)) if place == 0 else None
                for e in examples
            ]
            asked = [i for i, pivots in enumerate(known) if pivots is None]
            answered = _follow(
                link,
                [handed[i] for i in asked],
                [langs[i] for i in asked],
                [link.lang or examples[i].target_lang for i in asked],
            )
            for i, answer in zip(asked, answered, strict=True):
                known[i] = answer
            limit = link.decoding.num_hypotheses
            handed = [_normalised(pivots[:limit]) for pivots in known if pivots]
            if len(handed) < len(examples):
                empty = next(i for i, pivots in enumerate(known) if not pivots)
                raise ValueError(f"no pivot for {examples[empty].example_id!r}")
            langs = [link.lang or e.target_lang for e in examples]
        return handed

    def finish(self, examples: Sequence[Example], pivots: Answers) -> Answers:
        """Answers of the last link to given pivots."""
        before = self.links[-2].lang if len(self.links) > 1 else None
        langs = [before or e.source_lang for e in examples]
        return _follow(self.links[-1], pivots, langs, [e.target_lang for e in examples])


def marginal(paths: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    """Joins equal texts, adding their probabilities; best first."""
    return tuple(sorted(_joined(paths), key=lambda h: -h.log_prob))


def _follow(
    link: Link, handed: Answers, source_langs: list[str], target_langs: list[str]
) -> Answers:
    """One link's answers to all that is handed to it, each question asked once."""
    asked: dict[tuple[str, str, str], int] = {}
    for hypotheses, source, target in zip(
        handed, source_langs, target_langs, strict=True
    ):
        for hypothesis in hypotheses:
            asked.setdefault((hypothesis.text, source, target), len(asked))
    questions = [Example("", text, source, target) for text, source, target in asked]
    answers = link.network.transliterate(questions, link.decoding)
    found = []
    for hypotheses, source, target in zip(
        handed, source_langs, target_langs, strict=True
    ):
        paths = [
            Hypothesis(answer.text, way.log_prob + answer.log_prob)
            for way in hypotheses
            for answer in answers[asked[way.text, source, target]]
        ]
        # Of one way the network's own order holds: a length penalty may have made it.
        found.append(_joined(paths) if len(hypotheses) == 1 else marginal(paths))
    return found


def _joined(paths: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    """Equal texts as one, with the sum of their probabilities, in the order given."""
    found: dict[str, list[float]] = {}
    for path in paths:
        found.setdefault(path.text, []).append(path.log_prob)
    return tuple(Hypothesis(text, _log_sum(logs)) for text, logs in found.items())


def _normalised(hypotheses: tuple[Hypothesis, ...]) -> tuple[Hypothesis, ...]:
    """Log-probabilities shifted so that what is handed on sums to one."""
    total = _log_sum([h.log_prob for h in hypotheses])
    return tuple(Hypothesis(h.text, h.log_prob - total) for h in hypotheses)


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(x - top) for x in logs))
