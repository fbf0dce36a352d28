"""Every teacher is asked once about what is its business, and nobody else's words."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import toy_pairs
from toy_pairs import CONFIGS, PAIRS

from epik_jax.recipes.caching import fill_cache
from epik_jax.recipes.scoring.crowd import Member
from epik_jax.recipes.scoring.signals import CrowdTeacher, Voices, known_by
from epik_jax.structs import TextPair

MEMBERS = (
    Member("one", toy_pairs.network(CONFIGS[0]), (), {}, ""),
    Member("other", toy_pairs.network(CONFIGS[1]), ("toy",), {}, ""),
)
CROWD = CrowdTeacher(MEMBERS)
ELSEWHERE = TextPair("6", "a b", "b a", "no", "elsewhere")
GENERAL = TextPair("7", "a b", "h g", "", "drawn")


def test_logits_are_those_of_each_teacher_in_order():
    block = CROWD.block(PAIRS)
    for place, member in enumerate(MEMBERS):
        theirs = member.network.logits(member.network.encoded(PAIRS))
        np.testing.assert_allclose(block.arrays["logits"][:, place], theirs, atol=1e-6)
    assert block.arrays["asked"].all()


def test_a_teacher_is_asked_about_its_lists_and_about_general_pairs():
    block = CROWD.block([PAIRS[0], ELSEWHERE, GENERAL])
    expected = [[True, True], [True, False], [True, True]]
    assert block.arrays["asked"].tolist() == expected
    assert not block.arrays["logits"][1, 1].any()


def test_what_is_cached_is_what_was_said(tmp_path):
    cache = fill_cache(tmp_path / "c", CROWD, PAIRS, {"x": "1"}, 2, lambda: None)
    turned = PAIRS[::-1]
    found = cache.join(*known_by(turned), ("logits", "asked"))
    live = CROWD.block(turned).arrays
    np.testing.assert_allclose(found["logits"], live["logits"], atol=1e-6)
    np.testing.assert_array_equal(found["asked"], live["asked"])


def test_a_pair_of_other_texts_by_the_same_name_is_not_taken_for_it(tmp_path):
    cache = fill_cache(tmp_path / "c", CROWD, PAIRS, {"x": "1"}, 1, lambda: None)
    other = TextPair(PAIRS[0].example_id, "a", "b")
    with pytest.raises(ValueError, match=r"encoded differently|digest"):
        cache.join(*known_by([other]), ("logits",))


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
