"""Questions beside passages, for a student to hear its teachers on: nobody labels them.

Pairs of a question and a passage go in; more such pairs come out, without labels: those
that there are, those that a search finds likely, and any. Passages are searched by BM25
(Robertson and Zaragoza 2009), as the library bm25s computes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import bm25s
import numpy as np

from epik_jax.bounds import demand
from epik_jax.data.draw import share_of
from epik_jax.structs import TextPair
from epik_jax.text.wordpiece import split_words

THERE, FOUND, DRAWN = "there", "found", "drawn"
"""A passage stood beside the question, was found by words, or is any."""


@dataclasses.dataclass(frozen=True)
class GeneralPairsConfig:
    """How many passages each question is put beside.

    Attributes:
      num_found: the likeliest others by a search for the question's words.
      num_drawn: any others.
      seed: of what is drawn.
    """

    num_found: int = 4
    num_drawn: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses numbers that mean nothing."""
        demand(self, 0, "num_found", "num_drawn", "seed")


def general_pairs(
    known: Sequence[TextPair], config: GeneralPairsConfig
) -> list[TextPair]:
    """Pairs of the questions and passages of each list, each pair once.

    Their order is drawn: the first so many are a fair draw of all.

    Args:
      known: questions with passages; labels are not looked at.
      config: how many.

    Returns:
      Pairs without labels, of the lists of their questions; "kind" tells how a passage
      came to stand there.
    """
    by_list: dict[str, list[TextPair]] = {}
    for pair in known:
        by_list.setdefault(pair.origin, []).append(pair)
    pairs = [x for name, some in by_list.items() for x in _of_list(name, some, config)]
    return sorted(pairs, key=lambda pair: share_of(f"{config.seed}/{pair.example_id}"))


def _of_list(
    name: str, known: Sequence[TextPair], config: GeneralPairsConfig
) -> list[TextPair]:
    # Sorted: the order of files makes no difference.
    questions = sorted({pair.text_a for pair in known})
    passages = sorted({pair.text_b for pair in known})
    place = {text: number for number, text in enumerate(passages)}
    beside: dict[str, set[int]] = {question: set() for question in questions}
    for pair in known:
        beside[pair.text_a].add(place[pair.text_b])
    found = _found(questions, passages, beside, config.num_found)
    pairs: list[TextPair] = []
    for question in questions:
        others = found[question]
        drawn = _drawn(question, len(passages), beside[question] | {*others}, config)
        kinds = (THERE, sorted(beside[question])), (FOUND, others), (DRAWN, drawn)
        pairs += [
            _pair(name, question, passages[number], kind)
            for kind, numbers in kinds
            for number in numbers
        ]
    return pairs


def _pair(origin: str, question: str, passage: str, kind: str) -> TextPair:
    name = "\x1f".join(("general", origin, question, passage))
    return TextPair(name, question, passage, origin=origin, kind=kind)


def _found(
    questions: Sequence[str],
    passages: Sequence[str],
    beside: dict[str, set[int]],
    count: int,
) -> dict[str, list[int]]:
    """Of each question the passages that share most of its words, its own left out."""
    if not count or not passages:
        return {question: [] for question in questions}
    # Enough that its own can be left out.
    most = min(len(passages), count + max(map(len, beside.values())))
    words = [_words(texts) for texts in (passages, questions)]
    if not any(words[0]):
        return {question: [] for question in questions}
    index = bm25s.BM25()
    index.index(words[0], show_progress=False)
    numbers, scores = index.retrieve(words[1], k=most, show_progress=False)
    kept = {}
    for question, row, likely in zip(questions, numbers, scores, strict=True):
        # A score of 0 shares no word.
        others = [int(n) for n, s in zip(row, likely, strict=True) if s > 0]
        kept[question] = [n for n in others if n not in beside[question]][:count]
    return kept


def _words(texts: Sequence[str]) -> list[list[str]]:
    """Lower-cased words, none left out as too common; signs alone are no words."""
    return [
        [
            word.lower()
            for word, _, _ in split_words(text)
            if any(map(str.isalnum, word))
        ]
        for text in texts
    ]


def _drawn(
    question: str, num_passages: int, taken: set[int], config: GeneralPairsConfig
) -> list[int]:
    free = num_passages - len(taken)
    count = min(config.num_drawn, free)
    if not count:
        return []
    start = int(share_of(f"{config.seed}/{question}") * 2**48)
    rng = np.random.Generator(np.random.Philox(key=start))
    numbers: list[int] = []
    while len(numbers) < count:
        number = int(rng.random() * num_passages)
        if number not in taken:
            numbers.append(number)
            taken = taken | {number}
    return numbers
