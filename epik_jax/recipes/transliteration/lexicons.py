"""How well a network writes the words of the test lists, to English and from it.

A corpus and a network go in, systems with their answers come out; `report` scores them.
The report of a MATra run is about this.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from epik_jax.bounds import LARGEST_BEAM, demand, within
from epik_jax.data.draw import drawn
from epik_jax.evaluation.findings import System
from epik_jax.recipes.transliteration.corpus import Corpus
from epik_jax.recipes.transliteration.systems import answered
from epik_jax.structs import Example
from epik_jax.teachers.advice import adviser
from epik_jax.teachers.forward import Decoding, Network

SUBJECT = "MATra"
"""Name of the system that a report is about."""


@dataclasses.dataclass(frozen=True)
class LexiconConfig:
    """What is asked of the test lists.

    Attributes:
      num_words: words of each list, drawn by digest; 0 for all.
      beam_width: answers by beam stand beside the greedy ones; 1 for greedy alone.
      tables: rule tables that answer the same words.
    """

    num_words: int = 0
    beam_width: int = 4
    tables: tuple[str, ...] = ("builtin",)

    def __post_init__(self) -> None:
        """Refuses numbers that ask for nothing."""
        demand(self, 0, "num_words")
        within(self, 1, LARGEST_BEAM, "beam_width")
        if len(set(self.tables)) < len(self.tables):
            raise ValueError(f"tables {self.tables} have one twice")


def lexicon_words(corpus: Corpus, config: LexiconConfig) -> list[Example]:
    """Words of all test lists in both directions; `origin` is the list's name."""
    return [
        dataclasses.replace(example, origin=name)
        for name, examples in corpus.test.items()
        for example in drawn(examples, config.num_words)
    ]


def systems(
    network: Network, words: Sequence[Example], config: LexiconConfig
) -> list[System]:
    """The network's greedy answers first, then those of what stands beside it."""
    ways = {SUBJECT: Decoding()}
    if (width := config.beam_width) > 1:
        beam = Decoding(beam_width=width, num_hypotheses=width)
        ways[f"{SUBJECT}, by beam"] = beam
    found = []
    for name, decoding in ways.items():
        answers = network.transliterate(words, decoding)
        found.append(answered(name, "teacher", words, answers, network, decoding.label))
    for kind in config.tables:
        answers = adviser(kind).transliterate(words)
        found.append(answered(f"table {kind}", "rules", words, answers, None, "rules"))
    return found
