"""What the chain is asked about, where pivots come from, and a cache that is kept."""

from __future__ import annotations

import logging
import math

import pytest
from toy_networks import ToyNetwork
from toy_teacher import ROMANISATIONS

from epik_jax.recipes.transliteration import transfer
from epik_jax.recipes.transliteration.corpus import DataConfig, read_corpus
from epik_jax.recipes.transliteration.transfer import TransferConfig
from epik_jax.structs import Hypothesis

MANY = {("hi", f"क{'ा' * i}"): ((f"k{i}", 1),) for i in range(2000)}


def test_nothing_that_the_chain_is_asked_about_carries_gold():
    corpus = read_corpus(DataConfig("builtin", num_synthetic=20))
    words = transfer.transfer_words(corpus.romanisations, TransferConfig())
    examples = transfer.transfer_examples(words)
    assert examples and not any(e.targets or e.pivot for e in examples)
    pairs = {(e.source_lang, e.target_lang) for e in examples}
    assert len(pairs) == 12 and not any("en" in pair for pair in pairs)
    assert len({e.example_id for e in examples}) == len(examples) == 3 * len(words)
    back = transfer.back_examples(words, corpus.romanisations)
    assert not any(e.targets or e.pivot for e in back)
    assert {e.source_lang for e in back} == {"en"}


def test_the_chain_is_asked_about_training_words_alone():
    corpus = read_corpus(DataConfig("builtin", num_synthetic=20))
    words = transfer.transfer_words(corpus.romanisations, TransferConfig())
    trained = {(e.source_lang, e.source) for e in corpus.train}
    assert set(words) <= trained


def test_a_limit_of_words_draws_the_same_ones_whatever_their_order():
    config = TransferConfig(num_words=50)
    words = transfer.transfer_words(MANY, config)
    backwards = transfer.transfer_words(dict(reversed(MANY.items())), config)
    assert len(words) == 50 and words == backwards
    # By digest, so that words are neither the first nor the shortest.
    assert max(len(word) for _, word in words) > 1500
    more = transfer.transfer_words(MANY, TransferConfig(num_words=60))
    assert set(words) < set(more)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_teacher_s_share_of_pivots_is_as_set(share):
    config = TransferConfig(teacher_share=share)
    words = transfer.transfer_words(MANY, config)
    gold = transfer.known_pivots(words, MANY, config)
    expected = len(MANY) * (1 - share)
    error = 4 * math.sqrt(len(MANY) * share * (1 - share))
    assert abs(len(gold) - expected) <= error


def test_the_mix_of_pivots_is_logged(caplog):
    with caplog.at_level(logging.INFO):
        transfer.known_pivots(list(ROMANISATIONS), ROMANISATIONS, TransferConfig())
    assert "gold for 5 words, the teacher's for 0" in caplog.text


def test_a_growing_teacher_s_share_takes_gold_pivots_away_and_moves_none():
    words = list(MANY)
    less, more = (
        set(transfer.known_pivots(words, MANY, TransferConfig(teacher_share=share)))
        for share in (0.2, 0.4)
    )
    assert more < less


def test_the_teacher_s_pivots_alone_need_no_gold():
    config = TransferConfig(pivot="teacher")
    assert transfer.known_pivots(list(MANY), MANY, config) == {}


def test_gold_pivots_weigh_as_their_writers():
    config = TransferConfig(num_pivots=2)
    pivots = transfer.known_pivots(list(ROMANISATIONS), ROMANISATIONS, config)
    assert pivots["hi", "कमल"] == (
        Hypothesis("kamal", math.log(0.75)),
        Hypothesis("kamala", math.log(0.25)),
    )
    [only] = transfer.known_pivots(
        list(ROMANISATIONS), ROMANISATIONS, TransferConfig()
    )["hi", "कमल"]
    assert only == Hypothesis("kamal", 0.0)


def test_forms_that_nobody_gave_are_pivots_only_where_there_is_no_other():
    given = {("hi", "कमल"): (("kamal", 2), ("kml", 0)), ("hi", "घर"): (("ghar", 0),)}
    config = TransferConfig(num_pivots=2)
    assert transfer.known_pivots(list(given), given, config) == {
        ("hi", "कमल"): (Hypothesis("kamal", 0.0),),
        ("hi", "घर"): (Hypothesis("ghar", 0.0),),
    }


def test_back_translations_have_gold_targets_and_the_teacher_s_sources():
    words = list(ROMANISATIONS)
    asked = transfer.back_examples(words, ROMANISATIONS)
    # "kamal" is asked once a language although two words are written so.
    assert len({e.example_id for e in asked}) == len(asked)
    spelled = {e.example_id: f"<{e.source}>{e.target_lang}" for e in asked}
    made = transfer.back_translated(words, ROMANISATIONS, spelled)
    assert len(made) == 3 * len(words)
    for example in made:
        gold = (example.target_lang, example.targets[0])
        assert gold in ROMANISATIONS
        assert example.pivot == ROMANISATIONS[gold][0][0]
        assert example.source == f"<{example.pivot}>{example.source_lang}"
        assert example.source_lang != example.target_lang


def test_a_word_that_the_teacher_could_not_write_makes_no_pair():
    words = [("hi", "बल")]
    asked = transfer.back_examples(words, ROMANISATIONS)
    spelled = {asked[0].example_id: "", asked[1].example_id: "பல்"}
    assert len(transfer.back_translated(words, ROMANISATIONS, spelled)) == 1


def test_joined_words_share_a_romanisation_and_differ_in_language():
    joined = transfer.joined_examples(ROMANISATIONS)
    pairs = {(e.source, e.targets[0]) for e in joined}
    assert pairs == {("कमल", "கமல்"), ("கமல்", "कमल"), ("बल", "ಬಲ"), ("ಬಲ", "बल")}
    for e in joined:
        forms = [
            {latin for latin, _ in ROMANISATIONS[word]}
            for word in ((e.source_lang, e.source), (e.target_lang, e.targets[0]))
        ]
        assert forms[0] & forms[1]


def test_the_chain_hands_on_as_many_pivots_as_it_sums_over():
    network = ToyNetwork()
    config = TransferConfig(
        pivot_beam=2, num_pivots=3, beam_width=4, length_penalty=0.5, max_extra=2
    )
    first, second = transfer.two_stage_chain(network, config, {}).links
    assert (first.lang, first.decoding.num_hypotheses) == ("en", 3)
    assert first.decoding.beam_width == 3
    assert (second.lang, second.decoding.beam_width) == (None, 4)
    assert second.decoding.num_hypotheses == 4
    assert second.decoding.length_penalty == 0.5
    assert second.decoding.max_extra == 2
