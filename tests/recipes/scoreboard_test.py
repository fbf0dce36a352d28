"""What is measured of whom, with toys whose answers are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from toy_networks import VOCABULARY, StandIn

from epik_jax import trees
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes import scoreboard
from epik_jax.recipes.corpus import Corpus
from epik_jax.recipes.epik import Trained
from epik_jax.recipes.predictors import greedily, greedy_chain, summed_chain
from epik_jax.recipes.scoreboard import ScoreboardConfig
from epik_jax.structs import Example
from epik_jax.teachers.crowd import reranked
from epik_jax.teachers.table import TableTeacher
from epik_jax.text.vocabulary import encode_sources

MODEL = TransformerConfig(
    vocab_size=VOCABULARY.size,
    width=8,
    num_heads=2,
    feed_forward=8,
    encoder_layers=1,
    decoder_layers=1,
)
SOURCES = {"hi": ("कमल", "राम"), "ta": ("பால்",), "kn": ("ಬಲ",), "bn": ("রাম", "কমল")}
NAMES = [
    Example(f"{x}>{y}:{word}|p{i}", word, x, y, ("?",), f"rama{'b' * i}")
    for x, words in SOURCES.items()
    for i, word in enumerate(words)
    for y in SOURCES
    if x != y
]
ENGLISH = [
    Example("en>hi:rama", "rama", "en", "hi", ("राम",)),
    Example("ta>en:பால்", "பால்", "ta", "en", ("pal",)),
]
CONFIG = ScoreboardConfig(num_pivots=2, num_timed=0, num_attended=2)


def trained_with(student_model=MODEL, bridge=None, choosing=()):
    corpus = Corpus([], {}, [], {}, list(choosing), [*NAMES, *ENGLISH], {})
    return Trained(
        corpus, StandIn(MODEL, "t"), StandIn(student_model, "s"), bridge or {}
    )


@pytest.fixture
def trained():
    return trained_with()


def answers(system):
    return [row for _, row in system.predictions]


def test_names_reported_on_are_direct_and_not_those_for_choosing():
    chosen = [dataclasses.replace(NAMES[0], example_id="chosen")]
    trained = trained_with(choosing=chosen)
    assert scoreboard.direct_names(trained, CONFIG) == NAMES


@pytest.mark.parametrize("limit", [1, 5, 17, 18, 100])
def test_a_limit_draws_names_evenly_and_none_twice(trained, limit):
    config = dataclasses.replace(CONFIG, num_names=limit)
    drawn = scoreboard.direct_names(trained, config)
    assert len(drawn) == min(limit, len(NAMES)) == len(set(drawn))
    places = [NAMES.index(name) for name in drawn]
    assert places == sorted(places)
    if 1 < limit < len(NAMES):
        assert (places[0], places[-1]) == (0, len(NAMES) - 1)
        assert np.diff(places).max() <= -(-len(NAMES) // (limit - 1))


def test_every_system_answers_the_same_names_the_student_first(trained):
    found = scoreboard.systems(trained, NAMES, CONFIG)
    assert [(s.name, s.role) for s in found] == [
        ("student", "student"),
        ("chain", "chain"),
        ("gold English", "oracle"),
        ("chain, summed over pivots", "teacher"),
        ("table builtin", "rules"),
    ]
    for system in found:
        assert [e for e, _ in system.predictions] == NAMES


def test_the_chain_is_two_greedy_passes_and_its_pivots_are_kept(trained):
    _, chain, *_ = scoreboard.systems(trained, NAMES, CONFIG)
    greedy = greedy_chain(trained.teacher)
    assert answers(chain) == greedy.transliterate(NAMES)
    assert chain.decode == "greedy"
    for example, row in zip(NAMES, greedy.pivots(NAMES), strict=True):
        assert chain.pivots[example.example_id] == row[0].text
    # With English on one side there is nothing to chain.
    assert [e for e, _ in chain.more] == ENGLISH
    assert [row[0].text for _, row in chain.more] == [
        row[0].text for row in greedily(trained.teacher)(ENGLISH)
    ]


def test_the_summed_chain_is_labelled_by_its_beams_and_left_out_at_0(trained):
    found = scoreboard.systems(trained, NAMES, CONFIG)
    assert found[3].decode == "beam-2x2"
    expected = summed_chain(trained.teacher, 2).transliterate(NAMES)
    assert answers(found[3]) == expected
    none = dataclasses.replace(CONFIG, num_pivots=0, tables=())
    names = [s.name for s in scoreboard.systems(trained, NAMES, none)]
    assert names == ["student", "chain", "gold English"]


def test_the_bound_reads_the_gold_english_form_in_one_pass(trained):
    _, _, bound, *_ = scoreboard.systems(trained, NAMES, CONFIG)
    english = [dataclasses.replace(e, source=e.pivot, source_lang="en") for e in NAMES]
    assert answers(bound) == greedily(trained.teacher)(english)
    some = [dataclasses.replace(NAMES[0], pivot=""), *NAMES[1:]]
    assert "oracle" not in {s.role for s in scoreboard.systems(trained, some, CONFIG)}


def test_a_table_may_rank_the_answers_of_the_summed_chain_anew(trained):
    config = dataclasses.replace(CONFIG, rerank_weight=50.0)
    *_, summed, ranked, table = scoreboard.systems(trained, NAMES, config)
    assert ranked.decode == summed.decode == "beam-2x2"
    assert ranked.name == "the same, reranked by table builtin"
    expected = reranked(answers(summed), answers(table), 50.0)
    assert answers(ranked) == expected != answers(summed)
    with pytest.raises(ValueError, match="rerank_weight needs a table"):
        dataclasses.replace(config, tables=())


def test_agreement_is_measured_to_the_chain_on_words_of_the_test_lists(trained):
    words = [Example(f"{n}", w, "hi", "en", ("x",)) for n, w in enumerate("कखगघच")]
    tests = {"list/hi": [*words, ENGLISH[0]], "list/empty": [ENGLISH[0]]}
    trained = dataclasses.replace(
        trained, corpus=dataclasses.replace(trained.corpus, test=tests)
    )
    assert scoreboard.agreements(trained, CONFIG) == {}
    config = dataclasses.replace(CONFIG, num_unseen=4)
    found = scoreboard.agreements(trained, config)
    assert list(found) == ["list/hi"]
    # Four of the five words, drawn evenly; the languages but their own take turns.
    asked = [
        Example(f"hi>{y}:{w}", w, "hi", y)
        for w, y in zip("कखगच", ("ta", "kn", "bn", "ta"), strict=True)
    ]
    assert found["list/hi"].example_ids == tuple(e.example_id for e in asked)
    mine = [row[0].text for row in greedily(trained.student)(asked)]
    theirs = greedy_chain(trained.teacher).transliterate(asked)
    same = [m == t[0].text for m, t in zip(mine, theirs, strict=True)]
    assert found["list/hi"].exact.tolist() == same


def test_student_and_table_answer_for_themselves(trained):
    student, *_, table = scoreboard.systems(trained, NAMES, CONFIG)
    assert answers(student) == greedily(trained.student)(NAMES)
    assert answers(table) == TableTeacher("builtin").transliterate(NAMES)
    assert table.decode == "rules" and table.num_parameters is None
    assert student.num_parameters == trees.num_elements(trained.student.params)


def test_other_students_and_baselines_are_loaded_and_told_apart(trained, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        scoreboard,
        "load_network",
        lambda folder: loaded.append(str(folder)) or StandIn(MODEL, str(folder)),
    )
    config = dataclasses.replace(
        CONFIG,
        num_pivots=0,
        others=(("half", "runs/half/student"),),
        baselines=(("joined", "runs/joined/student"),),
    )
    found = scoreboard.systems(trained, NAMES, config)
    assert [(s.name, s.role) for s in found[3:5]] == [
        ("half", "student"),
        ("joined", "baseline"),
    ]
    assert loaded == ["runs/half/student", "runs/joined/student"]
    assert answers(found[3]) != answers(found[4])


def test_chain_and_student_are_timed_on_the_same_words(trained):
    config = dataclasses.replace(
        CONFIG, num_timed=6, batch_sizes=(1, 3), repeats=2, num_pivots=0
    )
    timed = scoreboard.timings(trained, NAMES, config)
    assert set(timed.systems) == {"student", "chain"}
    words = {source for source, *_ in trained.student.asked}
    first_links = {s for s, _, target in trained.teacher.asked if target == "en"}
    assert words == first_links == {e.source for e in NAMES[::3][:6]}
    assert scoreboard.timings(trained, NAMES, CONFIG) is None


def pooled(network, words, langs):
    states = network.hidden(encode_sources(VOCABULARY, words, langs))
    return np.stack([states.row(i).mean(axis=0) for i in range(len(states))])


def cosines(ours, theirs):
    norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return ((ours * theirs).sum(axis=1) / norms).mean()


def test_states_are_compared_with_the_teacher_s_of_the_gold_english_form(trained):
    found = scoreboard.similarities(trained, NAMES)
    langs = [e.target_lang for e in NAMES]
    ours = pooled(trained.student, [e.source for e in NAMES], langs)
    theirs = pooled(trained.teacher, [e.pivot for e in NAMES], langs)
    assert found["pooled"].matched == pytest.approx(cosines(ours, theirs), abs=1e-4)
    assert set(found) == {"pooled", "by position"}


def test_a_bridge_carries_narrower_states_to_the_teacher_s_width():
    narrow = dataclasses.replace(MODEL, width=4)
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(4, 8)).astype(np.float32)
    bias = rng.normal(size=8).astype(np.float32)
    bridged = trained_with(narrow, {"hidden": {"kernel": kernel, "bias": bias}})
    langs = [e.target_lang for e in NAMES]
    ours = pooled(bridged.student, [e.source for e in NAMES], langs) @ kernel + bias
    theirs = pooled(bridged.teacher, [e.pivot for e in NAMES], langs)
    found = scoreboard.similarities(bridged, NAMES)
    assert found["pooled"].matched == pytest.approx(cosines(ours, theirs), abs=1e-4)


def test_states_that_cannot_be_compared_are_not():
    narrow = trained_with(dataclasses.replace(MODEL, width=4))
    slotted = trained_with(dataclasses.replace(MODEL, num_slots=40))
    unknown = [dataclasses.replace(e, pivot="") for e in NAMES]
    assert scoreboard.similarities(narrow, NAMES) == {}
    assert scoreboard.similarities(slotted, NAMES) == {}
    assert scoreboard.similarities(trained_with(), unknown) == {}


def test_attention_is_labelled_by_tag_letters_and_end(trained):
    [student, *_] = scoreboard.systems(trained, NAMES, CONFIG)
    found = scoreboard.findings(trained, [student], [], CONFIG)
    assert len(found.attention) == CONFIG.num_attended
    for drawn, example in zip(found.attention, (NAMES[0], NAMES[9]), strict=True):
        assert drawn.source_symbols == (f"→{example.target_lang}", *example.source, "∎")
        shape = len(drawn.target_symbols), len(drawn.source_symbols)
        assert drawn.weights.shape == shape
    assert found.timings is None and found.similarities


def test_a_student_with_slots_has_no_attention_to_letters():
    slotted = trained_with(dataclasses.replace(MODEL, num_slots=40))
    found = scoreboard.systems(slotted, NAMES, CONFIG)
    assert scoreboard.findings(slotted, found, [], CONFIG).attention == []
