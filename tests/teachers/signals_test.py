"""What a chain says as arrays, against the same worked out word by word."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from toy_networks import VOCABULARY, WIDTH, ToyNetwork

from epik_jax.ragged import Ragged
from epik_jax.structs import Example, Hypothesis
from epik_jax.teacher_cache.schema import Nested, Schema
from epik_jax.teachers import signals
from epik_jax.teachers.chain import Chain, Link
from epik_jax.teachers.forward import Decoding
from epik_jax.teachers.signals import (
    CrowdConfig,
    LiveSignals,
    TransliterationTeacher,
    Wanted,
)
from epik_jax.text.vocabulary import encode_sources, encode_targets

EXAMPLES = [
    Example(f"{s}>{t}", word, s, t)
    for word, s, t in [("कमल", "hi", "kn"), ("பால்", "ta", "bn"), ("ರಾಮ", "kn", "hi")]
]
ALL = Wanted(3, log_probs=True, hidden="all")


def teacher(wanted=ALL, crowd=CrowdConfig(), num_pivots=1):  # noqa: B008
    wide = Decoding(beam_width=3, num_hypotheses=3)
    handed = Decoding(beam_width=num_pivots, num_hypotheses=num_pivots)
    links = Link(ToyNetwork("1"), "en", handed), Link(ToyNetwork("2"), None, wide)
    return TransliterationTeacher(Chain(links), VOCABULARY, crowd, wanted)


def texts(block):
    """Every example's spellings, in the order of the arrays."""
    rows = []
    for i in range(len(block)):
        cuts = np.cumsum(block.arrays["token_lengths"].row(i))
        parts = np.split(block.arrays["tokens"].row(i), cuts)[:-1]
        rows.append([VOCABULARY.decode(part.tolist()) for part in parts])
    return rows


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(num, log_probs, hidden, storage)
        for num, log_probs, hidden, storage in itertools.product(
            (1, 3), (False, True), ("none", "pooled", "all"), ("exact", "int8")
        )
    ],
    ids=str,
)
def test_a_block_is_what_the_schema_says(wanted):
    answering = teacher(wanted)
    block = answering.block(EXAMPLES)
    record = answering.schema.encode(block)
    assert record["keys"] == block.keys.tobytes()
    assert Schema.from_json(answering.schema.to_json()) == answering.schema
    assert {f.name for f in answering.schema.fields} == set(block.arrays)


def test_spellings_are_the_chain_s_with_their_scores_best_first():
    answering = teacher()
    block = answering.block(EXAMPLES)
    expected = answering.chain.transliterate(EXAMPLES)
    assert texts(block) == [[h.text for h in row] for row in expected]
    np.testing.assert_allclose(
        block.arrays["scores"].values,
        [h.log_prob for row in expected for h in row],
        rtol=1e-6,
    )
    for i in range(len(EXAMPLES)):
        scores = block.arrays["scores"].row(i)
        assert (np.diff(scores) <= 0).all()
    Nested(block.arrays["tokens"], block.arrays["token_lengths"])


def test_no_more_spellings_are_kept_than_wanted():
    block = teacher(Wanted(2)).block(EXAMPLES)
    assert [len(row) for row in texts(block)] == [2, 2, 2]
    assert texts(block) == [row[:2] for row in texts(teacher().block(EXAMPLES))]


def test_every_spelling_ends_with_the_end_token():
    block = teacher().block(EXAMPLES)
    ends = np.cumsum(block.arrays["token_lengths"].values) - 1
    assert (block.arrays["tokens"].values[ends] == VOCABULARY.eos_id).all()


def test_confidence_is_the_chain_s_own_per_token_whatever_a_table_says():
    crowd = CrowdConfig("builtin", rerank_weight=50.0)
    plain = teacher().chain.transliterate(EXAMPLES)
    expected = [row[0].log_prob / (len(row[0].text) + 1) for row in plain]
    for answering in (teacher(), teacher(crowd=crowd)):
        confidence = answering.block(EXAMPLES).arrays["confidence"]
        np.testing.assert_allclose(confidence, expected, rtol=1e-6)


def test_distributions_of_one_pivot_are_the_last_network_s():
    answering = teacher()
    block, pivots = answering.block(EXAMPLES), answering.chain.pivots(EXAMPLES)
    network, langs = ToyNetwork("2"), [e.target_lang for e in EXAMPLES]
    sources = encode_sources(VOCABULARY, [row[0].text for row in pivots], langs)
    best = encode_targets(VOCABULARY, [row[0] for row in texts(block)])
    expected = network.log_probs(sources, best)
    np.testing.assert_array_equal(block.arrays["log_probs"].values, expected.values)
    np.testing.assert_array_equal(block.arrays["log_probs"].offsets, best.offsets)


def test_distributions_of_several_pivots_are_the_posterior_mixture():
    answering = teacher(num_pivots=3)
    block, pivots = answering.block(EXAMPLES), answering.chain.pivots(EXAMPLES)
    network = ToyNetwork("2")
    for i, example in enumerate(EXAMPLES):
        best = encode_targets(VOCABULARY, [texts(block)[i][0]]).row(0)
        got = block.arrays["log_probs"].row(i).astype(np.float64)
        # p(y_<t | x) and p(y_t, y_<t | x), both summed over the pivots from scratch.
        for t in range(len(best)):
            joint, before = np.zeros(VOCABULARY.size), 0.0
            for way in pivots[i]:
                source = encode_sources(
                    VOCABULARY, [way.text], [example.target_lang]
                ).row(0)
                path = np.exp(way.log_prob)
                for u in range(t):
                    path *= np.exp(network.next_token(source, best[:u])[best[u]])
                before += path
                joint += path * np.exp(network.next_token(source, best[:t]))
            likely = joint > 1e-4 * before
            expected = np.log(joint[likely] / before)
            np.testing.assert_allclose(got[t][likely], expected, atol=0.02)
            assert np.exp(got[t]).sum() == pytest.approx(1.0, abs=0.01)


def test_some_examples_with_one_pivot_and_some_with_several_mix():
    known = {("hi", "कमल"): (Hypothesis("kamal", 0.0),)}
    many = teacher(num_pivots=2)
    chain = dataclasses.replace(many.chain, known_pivots=known)
    mixed = dataclasses.replace(many, chain=chain).block(EXAMPLES)
    one = dataclasses.replace(teacher(), chain=chain).block(EXAMPLES[:1])
    np.testing.assert_allclose(
        mixed.arrays["log_probs"].row(0), one.arrays["log_probs"].row(0), atol=0.01
    )
    several = many.block(EXAMPLES[1:])
    np.testing.assert_array_equal(
        mixed.arrays["log_probs"].row(2), several.arrays["log_probs"].row(1)
    )


def test_a_way_that_cannot_be_right_is_not_listened_to_after_it_went_wrong():
    best = Ragged.of([[0, 1]])
    sure = np.log(np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01]]))
    wrong = np.log(np.array([[1e-6, 0.5, 0.5], [0.01, 0.01, 0.98]]))
    each = Ragged(np.concatenate([sure, wrong]).astype(np.float16), np.array([0, 2, 4]))
    mixed = signals._marginal_rows(each, np.log([0.5, 0.5]), np.array([0, 0]), best)
    np.testing.assert_allclose(np.exp(mixed.row(0)[0, 0]), 0.49, atol=0.01)
    np.testing.assert_allclose(np.exp(mixed.row(0)[1, 1]), 0.98, atol=0.01)


def test_hidden_states_are_those_of_the_best_pivot():
    answering = teacher(num_pivots=3)
    pivots = answering.chain.pivots(EXAMPLES)
    langs = [e.target_lang for e in EXAMPLES]
    sources = encode_sources(VOCABULARY, [row[0].text for row in pivots], langs)
    expected = ToyNetwork("2").hidden(sources)
    states = answering.block(EXAMPLES).arrays["hidden"]
    np.testing.assert_allclose(states.values, expected.values, rtol=1e-3)
    pooled = dataclasses.replace(answering, wanted=Wanted(1, hidden="pooled"))
    means = pooled.block(EXAMPLES).arrays["hidden"]
    assert means.shape == (3, WIDTH)
    for i in range(3):
        np.testing.assert_allclose(means[i], expected.row(i).mean(axis=0), rtol=2e-3)


def advised(monkeypatch, answers):
    """Puts `answers` in the place of every rule table's."""
    table = type(
        "Table",
        (),
        {
            "__init__": lambda self, kind: None,
            "transliterate": lambda self, examples: [
                (Hypothesis(text, 0.0),) for text in answers
            ],
        },
    )
    monkeypatch.setattr(signals, "TableTeacher", table)


def test_reranking_puts_the_table_s_spelling_first(monkeypatch):
    last = [row[-1] for row in texts(teacher().block(EXAMPLES))]
    advised(monkeypatch, last)
    block = teacher(crowd=CrowdConfig("builtin", rerank_weight=99.0)).block(EXAMPLES)
    assert [row[0] for row in texts(block)] == last
    # Distributions follow the spelling that now comes first.
    lengths = [len(text) + 1 for text in last]
    np.testing.assert_array_equal(block.arrays["log_probs"].lengths, lengths)


def test_a_proposal_stands_where_the_last_network_finds_it(monkeypatch):
    proposals = ["ಕಮಲಾ", "বালা", "राम"]
    advised(monkeypatch, proposals)
    answering = teacher(Wanted(4), CrowdConfig("builtin", proposes=True))
    block, plain = answering.block(EXAMPLES), teacher().block(EXAMPLES)
    pivots = answering.chain.pivots(EXAMPLES)
    for i, proposal in enumerate(proposals):
        scores = dict(zip(texts(block)[i], block.arrays["scores"].row(i), strict=True))
        assert set(scores) == {*texts(plain)[i], proposal}
        assert list(scores.values()) == sorted(scores.values(), reverse=True)
        if proposal not in texts(plain)[i]:
            target = encode_targets(VOCABULARY, [proposal])
            lang = [EXAMPLES[i].target_lang]
            source = encode_sources(VOCABULARY, [pivots[i][0].text], lang)
            along = ToyNetwork("2").log_probs(source, target).values
            picked = along[np.arange(len(along)), target.values].astype(np.float32)
            assert scores[proposal] == pytest.approx(picked.sum(), rel=1e-3)


def test_a_likely_proposal_comes_first(monkeypatch):
    advised(monkeypatch, ["ಕಮಲಾ", "বালা", "रामा"])
    sure = dataclasses.replace(
        teacher(Wanted(2), CrowdConfig("builtin", proposes=True))
    )
    monkeypatch.setattr(
        ToyNetwork, "next_token", lambda *_: np.full(VOCABULARY.size, -1e-4)
    )
    assert [row[0] for row in texts(sure.block(EXAMPLES))] == ["ಕಮಲಾ", "বালা", "रामा"]


def test_a_table_without_an_answer_proposes_nothing(monkeypatch):
    advised(monkeypatch, ["", "", ""])
    answering = teacher(Wanted(4), CrowdConfig("builtin", proposes=True))
    assert texts(answering.block(EXAMPLES)) == texts(teacher().block(EXAMPLES))


def test_a_mixture_gives_the_table_its_share(monkeypatch):
    advised(monkeypatch, ["ಕಮಲಾ", "বালা", "राम"])
    answering = teacher(Wanted(4), CrowdConfig("builtin", mixture_weight=0.25))
    block = answering.block(EXAMPLES)
    for i, text in enumerate(["ಕಮಲಾ", "বালা"]):
        scores = dict(zip(texts(block)[i], block.arrays["scores"].row(i), strict=True))
        assert scores[text] == pytest.approx(np.log(0.25), abs=1e-5)
        assert np.exp(list(scores.values())).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"rerank_weight": 1.0},
        {"mixture_weight": 0.5},
        {"proposes": True},
        {"table": "builtin"},
        {"table": "builtin", "mixture_weight": 1.0},
        {"table": "builtin", "mixture_weight": -0.1},
    ],
    ids=str,
)
def test_crowds_that_contradict_themselves_are_refused(settings):
    with pytest.raises(ValueError):
        CrowdConfig(**settings)


def test_live_signals_come_in_the_order_that_they_are_asked_for():
    answering = teacher()
    live, block = LiveSignals(answering, EXAMPLES), answering.block(EXAMPLES)
    order = np.array([2, 0, 2])
    joined = live.join(block.keys[order], block.digests[order], ("hidden", "scores"))
    assert set(joined) == {"hidden", "scores"}
    for place, row in enumerate(order):
        np.testing.assert_array_equal(
            joined["hidden"].row(place), block.arrays["hidden"].row(row)
        )


def test_live_signals_refuse_what_was_encoded_otherwise():
    answering = teacher()
    live, block = LiveSignals(answering, EXAMPLES), answering.block(EXAMPLES)
    with pytest.raises(ValueError, match="encoded differently"):
        live.join(block.keys, block.digests[::-1], ("scores",))


def test_live_signals_refuse_an_example_that_they_were_not_told_of():
    answering = teacher()
    block = answering.block(EXAMPLES)
    live = LiveSignals(answering, EXAMPLES[:2])
    with pytest.raises(ValueError, match="no example of key 0x"):
        live.join(block.keys, block.digests, ("scores",))
