"""Chains of toy networks against brute force over every path."""

from __future__ import annotations

import hashlib
import itertools
import math

import pytest

from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.chain import Chain, Link, marginal
from epik_jax.teachers.forward import Decoding

SOURCES = ("क", "ख", "ग")
PIVOTS = ("ka", "kha", "ga")
ENDINGS = ("ಕ", "ಖ", "ಗ")


class Toy:
    """A network whose distributions over a fixed set of answers are drawn by digest."""

    def __init__(self, answers, salt=""):
        self.answers, self.salt, self.asked = answers, salt, []

    def distribution(self, source, target_lang):
        raw = [
            1
            + hashlib.sha256(f"{self.salt}{source}{target_lang}{a}".encode()).digest()[
                0
            ]
            for a in self.answers
        ]
        return {a: r / sum(raw) for a, r in zip(self.answers, raw, strict=True)}

    def transliterate(self, examples, decoding):
        self.asked += [(e.source, e.source_lang, e.target_lang) for e in examples]
        rows = []
        for e in examples:
            shares = self.distribution(e.source, e.target_lang)
            best = sorted(shares, key=lambda a: -shares[a])[: decoding.num_hypotheses]
            rows.append(tuple(Hypothesis(a, math.log(shares[a])) for a in best))
        return rows


def wide(count):
    return Decoding(beam_width=count, num_hypotheses=count)


def questions(target_lang="kn"):
    return [Example(f"x:{s}", s, "hi", target_lang) for s in SOURCES]


def as_dict(row):
    return {h.text: h.log_prob for h in row}


def test_a_chain_is_labelled_by_the_searches_of_its_links():
    def label(*decodings):
        *firsts, last = decodings
        links = [Link(Toy(PIVOTS), "en", decoding) for decoding in firsts]
        return Chain((*links, Link(Toy(ENDINGS), None, last))).label

    assert label(Decoding()) == label(Decoding(), Decoding()) == "greedy"
    assert label(wide(4)) == "beam-4"
    assert label(wide(4), wide(2)) == "beam-4x2"
    assert label(wide(4), Decoding()) == "beam-4xgreedy"
    assert label(wide(3), Decoding(2, length_penalty=0.5)) == "beam-3x2-lp-0.5"


def test_with_one_pivot_it_is_two_plain_passes():
    first, second = Toy(PIVOTS, "1"), Toy(ENDINGS, "2")
    chain = Chain((Link(first, "en", Decoding()), Link(second, None, wide(3))))
    pivots = first.transliterate(questions("en"), Decoding())
    passed_on = [Example("", row[0].text, "en", "kn") for row in pivots]
    expected = second.transliterate(passed_on, wide(3))
    for row, plain in zip(chain.transliterate(questions()), expected, strict=True):
        assert [h.text for h in row] == [h.text for h in plain]
        # A single pivot counts as certain, however unsure the first stage was.
        assert [h.log_prob for h in row] == pytest.approx([h.log_prob for h in plain])


class Penalised(Toy):
    """Ranks its answers otherwise than by probability, as a length penalty does."""

    def transliterate(self, examples, decoding):
        return [row[::-1] for row in super().transliterate(examples, decoding)]


def test_with_one_pivot_the_order_is_the_network_s_own():
    second = Penalised(ENDINGS, "2")
    chain = Chain(
        (Link(Toy(PIVOTS, "1"), "en", Decoding()), Link(second, None, wide(3)))
    )
    asked = questions()
    pivots = [Example("", row[0].text, "en", "kn") for row in chain.pivots(asked)]
    expected = [[h.text for h in row] for row in second.transliterate(pivots, wide(3))]
    found = [[h.text for h in row] for row in chain.transliterate(asked)]
    assert found == expected


def test_with_all_pivots_it_sums_over_every_path():
    first, second = Toy(PIVOTS, "1"), Toy(ENDINGS, "2")
    chain = Chain((Link(first, "en", wide(3)), Link(second, None, wide(3))))
    for example, row in zip(questions(), chain.transliterate(questions()), strict=True):
        over_pivots = first.distribution(example.source, "en")
        brute = {
            y: sum(p * second.distribution(z, "kn")[y] for z, p in over_pivots.items())
            for y in ENDINGS
        }
        assert as_dict(row) == pytest.approx({y: math.log(p) for y, p in brute.items()})
        assert [h.text for h in row] == sorted(ENDINGS, key=lambda y: -brute[y])
        assert sum(math.exp(h.log_prob) for h in row) == pytest.approx(1.0)


def test_what_is_handed_on_sums_to_one_when_pivots_are_left_out():
    first, second = Toy(PIVOTS, "1"), Toy(ENDINGS, "2")
    chain = Chain((Link(first, "en", wide(2)), Link(second, None, wide(3))))
    for example, row in zip(questions(), chain.pivots(questions()), strict=True):
        shares = first.distribution(example.source, "en")
        two = sorted(shares, key=lambda z: -shares[z])[:2]
        total = sum(shares[z] for z in two)
        expected = {z: math.log(shares[z] / total) for z in two}
        assert as_dict(row) == pytest.approx(expected)


def test_a_chain_of_three_sums_over_paths_through_both_pivots():
    nets = Toy(PIVOTS, "1"), Toy(("ক", "খ"), "2"), Toy(ENDINGS, "3")
    links = [("en", 3), ("bn", 2), (None, 3)]
    chain = Chain(
        tuple(Link(n, lang, wide(k)) for n, (lang, k) in zip(nets, links, strict=True))
    )
    example = questions()[0]
    brute = dict.fromkeys(ENDINGS, 0.0)
    for z, u, y in itertools.product(PIVOTS, ("ক", "খ"), ENDINGS):
        brute[y] += (
            nets[0].distribution(example.source, "en")[z]
            * nets[1].distribution(z, "bn")[u]
            * nets[2].distribution(u, "kn")[y]
        )
    [row] = chain.transliterate([example])
    assert as_dict(row) == pytest.approx({y: math.log(p) for y, p in brute.items()})
    assert {lang for _, lang, _ in nets[2].asked} == {"bn"}


def test_each_link_is_told_the_languages_that_it_reads_and_writes():
    first, second = Toy(PIVOTS), Toy(ENDINGS)
    chain = Chain((Link(first, "en", Decoding()), Link(second, None, Decoding())))
    chain.transliterate([Example("", "क", "hi", "kn"), Example("", "ক", "bn", "ta")])
    assert [asked[1:] for asked in first.asked] == [("hi", "en"), ("bn", "en")]
    assert sorted(asked[1:] for asked in second.asked) == [("en", "kn"), ("en", "ta")]


def test_a_single_link_answers_from_the_source_itself():
    only = Toy(ENDINGS)
    chain = Chain((Link(only, None, wide(3)),))
    assert chain.pivots(questions()) == [(Hypothesis(s, 0.0),) for s in SOURCES]
    plain = only.transliterate(questions(), wide(3))
    for row, expected in zip(chain.transliterate(questions()), plain, strict=True):
        assert as_dict(row) == pytest.approx(as_dict(expected))


def test_known_pivots_stand_in_for_the_first_links_answers():
    first, second = Toy(PIVOTS, "1"), Toy(ENDINGS, "2")
    known = {("hi", "क"): (Hypothesis("qa", math.log(0.75)), Hypothesis("ca", -9.0))}
    links = (Link(first, "en", Decoding()), Link(second, None, wide(3)))
    chain = Chain(links, known)
    pivots = chain.pivots(questions())
    # As many as the first link would hand on, normalised like its own.
    assert pivots[0] == (Hypothesis("qa", 0.0),)
    assert [row[0].text for row in pivots[1:]] == [
        row[0].text for row in Chain(links).pivots(questions())[1:]
    ]
    first.asked.clear()
    chain.transliterate(questions())
    assert [source for source, _, _ in first.asked] == ["ख", "ग"]
    assert ("qa", "en", "kn") in second.asked


def test_a_pivot_is_known_for_one_language_only():
    first, second = Toy(PIVOTS), Toy(ENDINGS)
    known = {("bn", "क"): (Hypothesis("qa", 0.0),)}
    links = (Link(first, "en", Decoding()), Link(second, None, Decoding()))
    [row] = Chain(links, known).pivots(questions()[:1])
    assert row[0].text != "qa"


def test_known_pivots_reach_the_first_link_alone():
    nets = Toy(PIVOTS, "1"), Toy(ENDINGS, "2"), Toy(ENDINGS, "3")
    known = {("en", pivot): (Hypothesis("wrong", 0.0),) for pivot in PIVOTS}
    chain = Chain(
        (
            Link(nets[0], "en", Decoding()),
            Link(nets[1], "kn", Decoding()),
            Link(nets[2], None, Decoding()),
        ),
        known,
    )
    assert all(row[0].text in ENDINGS for row in chain.pivots(questions()))


def test_each_distinct_question_is_asked_once():
    first, second = Toy(("ka",)), Toy(ENDINGS)
    chain = Chain((Link(first, "en", Decoding()), Link(second, None, Decoding())))
    thrice = questions() * 2 + questions("ta")
    answers = chain.transliterate(thrice)
    assert len(answers) == 9 and answers[:3] == answers[3:6]
    assert first.asked == [(s, "hi", "en") for s in SOURCES]
    assert second.asked == [("ka", "en", "kn"), ("ka", "en", "ta")]


def test_a_word_without_a_pivot_is_named():
    first, second = Toy(PIVOTS), Toy(ENDINGS)
    chain = Chain(
        (Link(first, "en", Decoding()), Link(second, None, Decoding())),
        {("hi", "ख"): ()},
    )
    with pytest.raises(ValueError, match="no pivot for 'x:ख'"):
        chain.transliterate(questions())


def test_no_examples_get_no_answers():
    chain = Chain(
        (Link(Toy(PIVOTS), "en", Decoding()), Link(Toy(ENDINGS), None, wide(2)))
    )
    assert chain.transliterate([]) == []


def test_a_chain_must_end_in_the_language_that_is_asked_for():
    with pytest.raises(ValueError, match="last link"):
        Chain((Link(Toy(PIVOTS), "en", Decoding()),))
    with pytest.raises(ValueError, match="last link"):
        Chain(())


def test_equal_texts_are_joined_without_underflow():
    paths = [
        Hypothesis("a", -2000.0),
        Hypothesis("b", -1999.5),
        Hypothesis("a", -2000.0),
    ]
    joined = marginal(paths)
    assert [h.text for h in joined] == ["a", "b"]
    assert joined[0].log_prob == pytest.approx(-2000.0 + math.log(2))
