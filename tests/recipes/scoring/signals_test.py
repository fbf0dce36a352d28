"""Every teacher is asked once about what is its business, and nobody else's words."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.special
import toy_pairs
from toy_pairs import CONFIGS, PAIRS

from epik_jax.recipes.scoring import signals
from epik_jax.recipes.scoring.crowd import Member
from epik_jax.recipes.scoring.signals import Voices, gather_voices
from epik_jax.structs import TextPair

ONE = Member("one", toy_pairs.network(CONFIGS[0]))
OTHER = Member("other", toy_pairs.network(CONFIGS[1]))
LOCAL = dataclasses.replace(OTHER, lists=("toy",))
ELSEWHERE = TextPair("6", "a b", "b a", "no", "elsewhere")
GENERAL = TextPair("7", "a b", "h g", "", "toy", "drawn")


def gathered(at, *members, pairs=PAIRS, purpose="train"):
    return gather_voices(members, pairs, purpose, 2, at)


@pytest.fixture
def asked_nothing(monkeypatch):
    """From its call on nobody is asked."""

    def refused(*_):
        raise AssertionError("asked again")

    return lambda: monkeypatch.setattr(signals.ScoringTeacher, "block", refused)


def test_logits_are_those_of_each_teacher_in_order(at):
    voices = gathered(at, ONE, OTHER)
    for place, member in enumerate((ONE, OTHER)):
        theirs = member.network.logits(member.network.encoded(PAIRS))
        np.testing.assert_allclose(voices.logits[:, place], theirs, atol=1e-6)
    assert voices.asked.all()


def test_a_teacher_is_asked_about_its_lists_labelled_and_general(at):
    voices = gathered(at, ONE, LOCAL, pairs=[PAIRS[0], ELSEWHERE, GENERAL])
    assert voices.asked.tolist() == [[True, True], [True, False], [True, True]]
    assert not voices.logits[1, 1].any() and voices.logits[2, 1].any()
    with pytest.raises(ValueError, match=r"teacher other .* no pair \(train\)"):
        gathered(at, LOCAL, pairs=[ELSEWHERE])


def test_teachers_in_another_order_keep_what_each_has_said(at, asked_nothing):
    voices = gathered(at, ONE, OTHER)
    asked_nothing()
    turned = gathered(at, OTHER, ONE)
    np.testing.assert_array_equal(turned.logits, voices.logits[:, ::-1])
    alone = gathered(at, OTHER)
    np.testing.assert_array_equal(alone.logits, voices.of(1).logits)


def test_one_more_teacher_is_no_reason_to_ask_the_others(at, monkeypatch):
    asked = []
    block = signals.ScoringTeacher.block

    def watched(self, pairs):
        asked.append(self.network)
        return block(self, pairs)

    monkeypatch.setattr(signals.ScoringTeacher, "block", watched)
    gathered(at, ONE)
    count = len(asked)
    gathered(at, ONE, OTHER)
    assert count and all(network is OTHER.network for network in asked[count:])


def test_another_teacher_of_the_same_name_is_not_taken_for_it(at):
    gathered(at, ONE)
    with pytest.raises(ValueError, match="teacher"):
        gathered(at, dataclasses.replace(ONE, network=OTHER.network))


def test_other_pairs_are_not_taken_for_those_that_were_asked_about(at):
    gathered(at, ONE)
    changed = [dataclasses.replace(PAIRS[0], text_b="a"), *PAIRS[1:]]
    with pytest.raises(ValueError, match="data"):
        gathered(at, ONE, pairs=changed)


def test_one_voice_for_all_has_the_mean_of_the_probabilities_of_those_asked():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, (3, 2, 4)).astype(np.float32)
    asked = np.array([[True, True], [True, False], [False, False]])
    found = Voices(logits, asked).averaged()
    probs = scipy.special.softmax(logits, axis=-1)
    mine = scipy.special.softmax(found.logits[:, 0], axis=-1)
    np.testing.assert_allclose(mine[0], probs[0].mean(0), atol=1e-6)
    np.testing.assert_allclose(mine[1], probs[1, 0], atol=1e-6)
    assert found.asked.tolist() == [[True], [True], [False]]
    assert np.isfinite(found.logits).all()


def test_one_teacher_alone_is_one_voice():
    rng = np.random.default_rng(0)
    voices = Voices(rng.normal(size=(3, 2, 4)), np.ones((3, 2), bool))
    assert voices.of(1).logits.tolist() == voices.logits[:, 1:].tolist()
    assert voices.of(0).num_voices == 1
