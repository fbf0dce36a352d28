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


def greedily(network: Network) -> Predictor:
    """One network as a greedy predictor."""
    return functools.partial(network.transliterate, decoding=Decoding())


def greedy_chain(teacher: Network) -> Chain:
    """The pipeline that the student replaces: greedy, then greedy."""
    return Chain((Link(teacher, "en", Decoding()), Link(teacher, None, Decoding())))


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
