"""Pairs for a student to hear its teachers on: no labels, and none twice."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter

import pytest

from epik_jax.data.general_pairs import GeneralPairsConfig, general_pairs
from epik_jax.structs import TextPair

TOPICS = [
    "glacier ice cave",
    "steam engine coal",
    "river delta mud",
    "violin string bow",
]
KNOWN = [
    TextPair(
        f"{t}{i}", f"how is a {topic.split()[0]} made", f"the {word} number {i}", "1"
    )
    for t, topic in enumerate(TOPICS)
    for i, word in enumerate(topic.split())
]


def found(**changes):
    return general_pairs(KNOWN, GeneralPairsConfig(**changes))


def texts(pairs, kind=None):
    kept = [p for p in pairs if kind in (None, p.kind)]
    return {(p.text_a, p.text_b) for p in kept}


def test_no_pair_comes_twice_and_none_has_a_label():
    pairs = found()
    assert len(texts(pairs)) == len(pairs)
    assert len({p.example_id for p in pairs}) == len(pairs)
    assert {p.label for p in pairs} == {""}


def test_what_stood_together_stays_together():
    pairs = found(num_found=0, num_drawn=0)
    assert texts(pairs) == {(p.text_a, p.text_b) for p in KNOWN}
    assert {p.kind for p in pairs} == {"there"}


def bm25(question, passage, passages, k=1.5, b=0.75):
    """As Robertson and Zaragoza have it, with Lucene's logarithm of rarity."""
    words = [re.findall(r"\w+", text.lower()) for text in passages]
    mean = sum(map(len, words)) / len(words)
    mine = re.findall(r"\w+", passage.lower())
    total = 0.0
    for word in re.findall(r"\w+", question.lower()):
        having = sum(word in other for other in words)
        rarity = math.log(1 + (len(words) - having + 0.5) / (having + 0.5))
        times = Counter(mine)[word]
        total += rarity * times / (times + k * (1 - b + b * len(mine) / mean))
    return total


def test_a_search_finds_others_by_the_words_of_the_question():
    known = [
        TextPair("a", "where do glaciers melt", "at their edge", "1"),
        TextPair("b", "who sails", "ice of glaciers and of seas will melt", "0"),
        TextPair("c", "what burns", "glaciers do not burn", "0"),
        TextPair("d", "why", "coal", "0"),
    ]
    pairs = general_pairs(known, GeneralPairsConfig(num_found=2, num_drawn=0))
    question = "where do glaciers melt"
    passages = [p.text_b for p in known]
    others = [text for text in passages if text != "at their edge"]
    likely = sorted(others, key=lambda t: -bm25(question, t, passages))[:2]
    assert texts(pairs, "found") >= {(question, text) for text in likely}
    # Nothing shares a word with it.
    assert not [p for p in pairs if p.text_a == "why" and p.kind == "found"]


def test_any_other_passages_are_drawn_apart_from_those_that_are_there():
    pairs = found(num_found=3, num_drawn=4)
    for question in {p.text_a for p in KNOWN}:
        own = {p.text_b for p in KNOWN if p.text_a == question}
        drawn = {p.text_b for p in pairs if (p.text_a, p.kind) == (question, "drawn")}
        assert len(drawn) == 4 and not drawn & own


def test_pairs_follow_from_texts_and_seed_and_not_from_the_order_of_files():
    pairs = found()
    assert general_pairs(KNOWN[::-1], GeneralPairsConfig()) == pairs
    assert texts(found(seed=1), "drawn") != texts(pairs, "drawn")


def test_the_first_ones_are_a_draw_of_all():
    assert len({p.text_a for p in found()[:9]}) > 1


def test_each_list_is_searched_for_itself_and_its_pairs_are_of_it():
    other = [dataclasses.replace(pair, origin="other") for pair in KNOWN[:3]]
    pairs = general_pairs([*KNOWN[3:], *other], GeneralPairsConfig(num_drawn=20))
    of_other = [pair for pair in pairs if pair.origin == "other"]
    assert texts(of_other) == {(p.text_a, p.text_b) for p in other}
    assert {p.text_b for p in other}.isdisjoint(
        p.text_b for p in pairs if p.origin == ""
    )


def test_passages_without_a_word_are_found_by_nobody():
    known = [TextPair(str(n), f"where {n}", "?!" * n, "1") for n in (1, 2)]
    pairs = general_pairs(known, GeneralPairsConfig(num_found=2, num_drawn=0))
    assert texts(pairs) == {(p.text_a, p.text_b) for p in known}


def test_more_than_there_are_cannot_be_drawn():
    few = KNOWN[:3]
    pairs = general_pairs(few, GeneralPairsConfig(num_drawn=50, num_found=50))
    assert [pair.kind for pair in pairs] == ["there"] * 3
    with pytest.raises(ValueError, match="num_drawn"):
        GeneralPairsConfig(num_drawn=-1)
