"""Ways to answer words: a network greedily, its chain, its chain with gold English.

Networks go in, functions from examples to answers come out. All of them are scored and
timed by the same code.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TypeAlias

from epik_jax.structs import Example
from epik_jax.teachers.chain import Answers, Chain, Link
from epik_jax.teachers.forward import Decoding, Network

Predictor: TypeAlias = Callable[[Sequence[Example]], Answers]
"""Examples -> answers to each, best first."""


def greedily(network: Network, batch_size: int = Decoding.batch_size) -> Predictor:
    """One network as a greedy predictor; `batch_size` rows are decoded together."""
    decoding = Decoding(batch_size=batch_size)
    return functools.partial(network.transliterate, decoding=decoding)


def greedy_chain(teacher: Network, batch_size: int = Decoding.batch_size) -> Chain:
    """The pipeline that the student replaces: greedy, then greedy."""
    decoding = Decoding(batch_size=batch_size)
    return Chain((Link(teacher, "en", decoding), Link(teacher, None, decoding)))


def at_once(network: Network) -> Predictor:
    """One network, greedy, all that it is handed decoded together: for timing."""
    return lambda examples: greedily(network, len(examples))(examples)


def chain_at_once(teacher: Network) -> Predictor:
    """The greedy chain, all that it is handed decoded together in either pass."""
    return lambda examples: greedy_chain(teacher, len(examples)).transliterate(examples)


def summed_chain(teacher: Network, num_pivots: int) -> Chain:
    """The chain that sums over several pivots, by beams."""
    beam = Decoding(beam_width=num_pivots, num_hypotheses=num_pivots)
    return Chain((Link(teacher, "en", beam), Link(teacher, None, beam)))


def from_gold_english(teacher: Network) -> Predictor:
    """The chain's second half, given the right English form: a bound, not a rival.

    What it has over the chain is what writing English in between costs; a student can
    win part of that back without ever seeing the English form.
    """

    def answers(examples: Sequence[Example]) -> Answers:
        given = [
            dataclasses.replace(e, source=e.pivot, source_lang="en") for e in examples
        ]
        return greedily(teacher)(given)

    return answers
