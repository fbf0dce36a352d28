"""What is measured besides answers, with toys whose answers are known."""

from __future__ import annotations

import dataclasses

import pytest
from toy_networks import StandIn
from toy_trained import CONFIG, ENGLISH, MODEL, NAMES, trained_with

from epik_jax.data.draw import drawn
from epik_jax.evaluation.fidelity import CHAIN_ENGLISH
from epik_jax.recipes.transliteration import measurements, scoreboard
from epik_jax.recipes.transliteration.predictors import greedily, greedy_chain
from epik_jax.recipes.transliteration.similarity import similarities
from epik_jax.structs import Example


@pytest.fixture
def trained():
    return trained_with()


def test_agreement_is_measured_to_the_chain_on_words_of_the_test_lists(trained):
    words = [Example(f"{n}", w, "hi", "en", ("x",)) for n, w in enumerate("कखगघच")]
    tests = {"list/hi": [*words, ENGLISH[0]], "list/empty": [ENGLISH[0]]}
    trained = dataclasses.replace(
        trained, corpus=dataclasses.replace(trained.corpus, test=tests)
    )
    assert measurements.agreements(trained, CONFIG) == {}
    config = dataclasses.replace(CONFIG, num_unseen=4)
    found = measurements.agreements(trained, config)
    assert list(found) == ["list/hi"]
    # Four of the five words; the languages but their own take turns.
    asked = [
        Example(f"hi>{y}:{e.source}", e.source, "hi", y)
        for e, y in zip(drawn(words, 4), ("ta", "kn", "bn", "ta"), strict=True)
    ]
    assert found["list/hi"].example_ids == tuple(e.example_id for e in asked)
    mine = [row[0].text for row in greedily(trained.student)(asked)]
    theirs = greedy_chain(trained.teacher).transliterate(asked)
    same = [m == t[0].text for m, t in zip(mine, theirs, strict=True)]
    assert found["list/hi"].exact.tolist() == same


def test_chain_and_student_are_timed_on_the_same_words(trained):
    config = dataclasses.replace(
        CONFIG, num_timed=6, batch_sizes=(1, 3), repeats=2, num_pivots=0
    )
    timed = measurements.timings(trained, NAMES, config)
    assert set(timed.systems) == {"student", "chain"}
    words = {source for source, *_ in trained.student.asked}
    first_links = {s for s, _, target in trained.teacher.asked if target == "en"}
    assert words == first_links == {e.source for e in drawn(NAMES, 6)}
    assert measurements.timings(trained, NAMES, CONFIG) is None


def test_a_timed_batch_is_one_batch_on_the_device(trained, monkeypatch):
    asked, answer = [], StandIn.transliterate

    def noted(network, examples, decoding):
        asked.append((network.salt, len(examples), decoding.batch_size))
        return answer(network, examples, decoding)

    monkeypatch.setattr(StandIn, "transliterate", noted)
    monkeypatch.setattr(
        measurements, "load_network", lambda folder, mesh: StandIn(MODEL, "other")
    )
    config = dataclasses.replace(
        CONFIG, num_timed=6, batch_sizes=(3, 200), others=(("other", "folder"),)
    )
    measurements.timings(trained, NAMES, config)
    for salt in (trained.student.salt, trained.teacher.salt, "other"):
        sizes = {(n <= rows, rows) for name, n, rows in asked if name == salt}
        assert sizes == {(True, 3), (True, 200)}


def test_attention_is_labelled_by_tag_letters_and_end(trained):
    [student, *_] = scoreboard.systems(trained, NAMES, CONFIG)
    found = measurements.findings(trained, [student], [], CONFIG)
    assert len(found.attention) == CONFIG.num_attended
    looked_at = drawn(NAMES, CONFIG.num_attended)
    for shown, example in zip(found.attention, looked_at, strict=True):
        assert shown.source_symbols == (f"→{example.target_lang}", *example.source, "∎")
        shape = len(shown.target_symbols), len(shown.source_symbols)
        assert shown.weights.shape == shape
    assert found.timings is None and found.similarities


def test_a_student_with_slots_has_no_attention_to_letters():
    slotted = trained_with(dataclasses.replace(MODEL, num_slots=40))
    found = scoreboard.systems(slotted, NAMES, CONFIG)
    unpaired = [
        (dataclasses.replace(e, pivot=""), said) for e, said in found[0].predictions
    ]
    found = [dataclasses.replace(found[0], predictions=unpaired)]
    assert measurements.findings(slotted, found, [], CONFIG).attention == []


def test_no_attention_is_drawn_where_none_is_asked_for(trained):
    config = dataclasses.replace(CONFIG, num_attended=0)
    [student, *_] = scoreboard.systems(trained, NAMES, config)
    assert measurements.findings(trained, [student], [], config).attention == []


def test_what_the_chain_wrote_on_its_way_is_measured_too(trained):
    found = scoreboard.systems(trained, NAMES, CONFIG)
    measured = measurements.findings(trained, found, [], CONFIG).similarities
    chain = next(system for system in found if system.role == "chain")
    assert measured == similarities(trained, NAMES, chain.pivots)
    assert CHAIN_ENGLISH in measured
