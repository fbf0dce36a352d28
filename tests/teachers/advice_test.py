"""What a rule table's advice does to a chain's answers."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from toy_networks import VOCABULARY, ToyNetwork
from toy_teacher import EXAMPLES, teacher, texts

from epik_jax.structs import Hypothesis
from epik_jax.teachers import advice
from epik_jax.teachers.advice import CrowdConfig
from epik_jax.teachers.signals import Wanted
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import encode_sources, encode_targets
from epik_jax.text.wellformed import follow_table


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
    monkeypatch.setattr(advice, "TableTeacher", table)


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


# Nothing, a vowel sign at the start, another script.
UNSOUND = ("", "িবল", "kamal")


@pytest.mark.parametrize(
    "crowd",
    [
        CrowdConfig("builtin", proposes=True),
        CrowdConfig("builtin", mixture_weight=0.9),
        CrowdConfig("builtin", mixture_weight=0.9, by_confidence=True),
    ],
    ids=str,
)
def test_what_is_not_well_formed_becomes_no_answer(monkeypatch, crowd):
    advised(monkeypatch, UNSOUND)
    block, plain = (
        teacher(Wanted(4), c).block(EXAMPLES) for c in (crowd, CrowdConfig())
    )
    assert texts(block) == texts(plain)
    for one, other in zip(*(rows(b) for b in (block, plain)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def rows(block):
    """Scores of each example, renormalised over its spellings."""
    scores = block.arrays["scores"]
    found = [scores.row(i) for i in range(len(scores))]
    return [row - np.logaddexp.reduce(row) for row in found]


def test_a_proposal_is_scored_under_the_constraint_of_its_script(monkeypatch):
    proposal, example = "ಕಮಲಾ", EXAMPLES[0]
    advised(monkeypatch, [proposal])
    follow_LVV = np.stack([follow_table(VOCABULARY, lang) for lang in LANGUAGES])
    monkeypatch.setattr(ToyNetwork, "follow_LVV", follow_LVV)
    answering = teacher(Wanted(4), CrowdConfig("builtin", proposes=True))
    block = answering.block([example])
    scores = dict(zip(texts(block)[0], block.arrays["scores"].row(0), strict=True))
    [[pivot]] = answering.chain.pivots([example])
    source = encode_sources(VOCABULARY, [pivot.text], ["kn"]).row(0)
    tokens = encode_targets(VOCABULARY, [proposal]).row(0)
    expected, before = 0.0, VOCABULARY.bos_id
    for place, token in enumerate(tokens):
        probs = np.exp(ToyNetwork("2").next_token(source, tokens[:place]))
        allowed = follow_LVV[LANGUAGES.index("kn"), before]
        expected += np.log(probs[token] / probs[allowed].sum())
        before = token
    assert scores[proposal] == pytest.approx(expected, rel=1e-3)


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


@pytest.mark.parametrize("weight", [-1.0, math.inf, math.nan])
def test_a_weight_that_would_turn_the_ranks_about_is_refused(weight):
    with pytest.raises(ValueError, match=rf"rerank_weight is {weight}, expected 0 to"):
        CrowdConfig("builtin", rerank_weight=weight)
