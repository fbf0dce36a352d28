"""The test lists, asked of a network: which words, which systems, in what order."""

from __future__ import annotations

import dataclasses

import pytest
from toy_networks import StandIn
from toy_trained import MODEL, trained_with

from epik_jax.recipes.transliteration import lexicons
from epik_jax.recipes.transliteration.lexicons import LexiconConfig
from epik_jax.structs import Example
from epik_jax.teachers.forward import Decoding

LISTS = {
    "dakshina/hi": [
        Example("hi>en:कमल", "कमल", "hi", "en", ("kamal",), origin="dakshina"),
        Example("en>hi:kamal", "kamal", "en", "hi", ("कमल",), origin="dakshina"),
    ],
    "aksharantar/kn": [
        Example("kn>en:ರಾಮ", "ರಾಮ", "kn", "en", ("rama",), origin="x"),
    ],
}


@pytest.fixture
def corpus():
    return dataclasses.replace(trained_with().corpus, test=LISTS)


def test_words_of_all_test_lists_are_asked_under_the_lists_names(corpus):
    words = lexicons.lexicon_words(corpus, LexiconConfig())
    assert [(e.example_id, e.origin) for e in words] == [
        ("hi>en:कमल", "dakshina/hi"),
        ("en>hi:kamal", "dakshina/hi"),
        ("kn>en:ರಾಮ", "aksharantar/kn"),
    ]


def test_no_more_words_of_a_list_are_asked_than_wanted(corpus):
    words = lexicons.lexicon_words(corpus, LexiconConfig(num_words=1))
    assert sorted(e.origin for e in words) == ["aksharantar/kn", "dakshina/hi"]


def test_greedy_answers_stand_before_beams_and_tables(corpus):
    network = StandIn(MODEL)
    config = LexiconConfig(beam_width=3)
    words = lexicons.lexicon_words(corpus, config)
    greedy, beam, table = lexicons.systems(network, words, config)
    assert (greedy.decode, beam.decode, table.decode) == ("greedy", "beam-3", "rules")
    wide = Decoding(beam_width=3, num_hypotheses=3)
    for system, decoding in ((greedy, Decoding()), (beam, wide)):
        expected = network.transliterate(words, decoding)
        assert system.predictions == list(zip(words, expected, strict=True))
    assert next(row[0].text for _, row in table.predictions) == "kamal"


def test_a_table_that_would_stand_twice_is_refused():
    with pytest.raises(ValueError, match="have one twice"):
        LexiconConfig(tables=("builtin", "builtin"))


def test_without_beams_and_tables_there_are_greedy_answers_alone(corpus):
    config = LexiconConfig(beam_width=1, tables=())
    words = lexicons.lexicon_words(corpus, config)
    [only] = lexicons.systems(StandIn(MODEL), words, config)
    assert only.name == "MATra" and only.num_parameters > 0
