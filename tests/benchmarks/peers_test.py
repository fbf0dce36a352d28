"""How other people's transliterators are asked, and how a lead over them is told."""

from __future__ import annotations

import sys
import types

import peers
import pytest

from epik_jax.structs import Example

ASKED = [
    Example("1", "राम", "hi", "ta"),
    Example("2", "রাম", "bn", "hi"),
    Example("3", "कमल", "hi", "ta"),
    Example("4", "राम", "hi", "kn"),
]


class Aksharamukha(types.ModuleType):
    """Says of every word from where to where it was written; remembers its options."""

    def __init__(self):
        super().__init__("aksharamukha")
        self.transliterate, self.options = self, {}

    def process(self, source, target, text, *, pre_options, post_options):
        assert (source, target) not in self.options, "asked twice"
        self.options[source, target] = pre_options, post_options
        return "\n".join(f" {source}>{target} {word} " for word in text.split("\n"))


@pytest.fixture
def stub(monkeypatch):
    made = Aksharamukha()
    monkeypatch.setitem(sys.modules, "aksharamukha", made)
    return made


def test_answers_stand_by_the_words_that_were_asked_a_pair_at_a_time(stub):
    answers = peers._Aksharamukha(tuned=False)(ASKED)
    assert [row[0].text for row in answers] == [
        "Devanagari>Tamil राम",
        "Bengali>Devanagari রাম",
        "Devanagari>Tamil कमल",
        "Devanagari>Kannada राम",
    ]
    assert len(stub.options) == 3


def test_options_are_those_of_the_languages_that_are_read_and_written(stub):
    peers._Aksharamukha(tuned=True)(ASKED)
    assert stub.options == {
        ("Devanagari", "Tamil"): (["RemoveSchwaHindi"], ["TamilRemoveNumbers"]),
        ("Devanagari", "Kannada"): (["RemoveSchwaHindi"], []),
        ("Bengali", "Devanagari"): (["SchwaFinalBengali"], []),
    }
    stub.options = {}
    peers._Aksharamukha(tuned=False)(ASKED)
    assert set(map(str, stub.options.values())) == {"([], [])"}


def test_a_peer_that_leaves_words_out_is_not_scored(stub, monkeypatch):
    monkeypatch.setattr(stub, "process", lambda *_, **__: "one")
    with pytest.raises(ValueError, match="shorter"):
        peers._Aksharamukha(tuned=False)(ASKED)


def system(name, top1, cer, sound_class, pairs):
    figures = {"top1": top1, "cer": cer, "sound_class": sound_class}
    return {
        "name": name,
        "overall": {metric: {"value": value} for metric, value in figures.items()},
        "pairs": {p: {"top1": t, "cer": c} for p, (t, c) in pairs.items()},
    }


def test_a_lead_is_told_as_ratios_and_pairs_won_in_both_figures():
    mine = {"hi>ta": (0.6, 0.1), "ta>hi": (0.6, 0.3), "kn>hi": (0.2, 0.1)}
    theirs = {"hi>ta": (0.5, 0.2), "ta>hi": (0.5, 0.2), "kn>hi": (0.2, 0.2)}
    never = dict.fromkeys(mine, (0.0, 0.9))
    told = peers._leads(
        [
            system("model", 0.6, 0.2, 0.75, mine),
            system("icu", 0.3, 0.5, 0.7, theirs),
            system("self", 0.6, 0.2, 0.8, mine),
            system("never", 0.0, 0.8, 0.0, never),
        ]
    )
    assert list(told) == [
        "model against icu: top-1 x 2.00, CER x 0.40, sound class +5.0 points, "
        "ahead in both on 1 of 3 pairs",
        "model against self: top-1 x 1.00, CER x 1.00, sound class -5.0 points, "
        "ahead in both on 0 of 3 pairs",
        "model against never: top-1 x (of 0), CER x 0.25, sound class +75.0 points, "
        "ahead in both on 3 of 3 pairs",
    ]
