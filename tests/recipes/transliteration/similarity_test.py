"""Encoder states are compared with what a plain loop over words finds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from toy_networks import VOCABULARY
from toy_trained import MODEL, NAMES, trained_with

from epik_jax.evaluation.fidelity import CHAIN_ENGLISH
from epik_jax.models import initial, transformer
from epik_jax.recipes.transliteration.similarity import similarities
from epik_jax.teachers.forward import Network
from epik_jax.text.vocabulary import encode_sources


@pytest.fixture
def trained():
    return trained_with()


def pooled(network, words, langs):
    states = network.hidden(encode_sources(VOCABULARY, words, langs))
    return np.stack([states.row(i).mean(axis=0) for i in range(len(states))])


def cosines(ours, theirs):
    norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return ((ours * theirs).sum(axis=1) / norms).mean()


def test_states_are_compared_with_the_teacher_s_of_the_gold_english_form(trained):
    found = similarities(trained, NAMES, {})
    langs = [e.target_lang for e in NAMES]
    ours = pooled(trained.student, [e.source for e in NAMES], langs)
    theirs = pooled(trained.teacher, [e.pivot for e in NAMES], langs)
    assert found["pooled"].matched == pytest.approx(cosines(ours, theirs), abs=1e-4)
    assert set(found) == {"pooled", "by position"}
    # Two English forms in four languages: what the teacher reads, and no row twice.
    assert found["pooled"].num_candidates == 8 < found["pooled"].num_vectors == 18


def test_a_bridge_carries_narrower_states_to_the_teacher_s_width():
    narrow = dataclasses.replace(MODEL, width=4)
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(4, 8)).astype(np.float32)
    bias = rng.normal(size=8).astype(np.float32)
    bridged = trained_with(narrow, {"hidden": {"kernel": kernel, "bias": bias}})
    langs = [e.target_lang for e in NAMES]
    ours = pooled(bridged.student, [e.source for e in NAMES], langs) @ kernel + bias
    theirs = pooled(bridged.teacher, [e.pivot for e in NAMES], langs)
    found = similarities(bridged, NAMES, {})
    assert found["pooled"].matched == pytest.approx(cosines(ours, theirs), abs=1e-4)


def test_states_that_cannot_be_compared_are_not():
    narrow = trained_with(dataclasses.replace(MODEL, width=4))
    unknown = [dataclasses.replace(e, pivot="") for e in NAMES]
    assert similarities(narrow, NAMES, {}) == {}
    assert similarities(trained_with(), unknown, {}) == {}


@pytest.mark.parametrize("opened", [0.0, -100.0], ids=["by its gate", "shut"])
def test_slots_are_pooled_over_those_that_the_gate_keeps(trained, opened):
    config = dataclasses.replace(MODEL, num_slots=40)
    params = initial.init_params(transformer.parameter_shapes(config), 3)
    params["gate"]["kernel"] = 9 * np.array([[-1.0, 1.0] * 4], np.float32).T
    params["gate"]["bias"] = np.full(1, opened, np.float32)
    student = Network(params, config, VOCABULARY)
    slotted = dataclasses.replace(trained, student=student)
    found = similarities(slotted, NAMES, {})
    langs = [e.target_lang for e in NAMES]
    sources = encode_sources(VOCABULARY, [e.source for e in NAMES], langs)
    theirs = trained.teacher.hidden(
        encode_sources(VOCABULARY, [e.pivot for e in NAMES], langs)
    )
    means, by_slot = [], []
    for i in range(len(NAMES)):
        row = sources.row(i)[None]
        real = np.ones(row.shape, bool)
        memory = transformer.encode(params, config, row, real, pad_id=VOCABULARY.pad_id)
        states, kept = np.asarray(memory.hidden)[0], np.asarray(memory.mask)[0]
        assert (opened == 0.0) == (0 < kept.sum() < 40)
        # With its gate shut the decoder reads all slots alike.
        means.append(states[kept if kept.any() else ~kept].mean(axis=0))
        by_slot.append(states[: len(theirs.row(i))])
    wanted = np.stack([theirs.row(i).mean(axis=0) for i in range(len(NAMES))])
    matched = cosines(np.stack(means), wanted)
    assert set(found) == {"pooled", "by slot"}
    assert found["pooled"].matched == pytest.approx(matched, abs=1e-4)
    # As in training: all slots that the teacher has a state for, kept or not.
    matched = cosines(np.concatenate(by_slot), theirs.values)
    assert found["by slot"].num_vectors == len(theirs.values)
    assert found["by slot"].matched == pytest.approx(matched, abs=1e-4)


def test_the_chain_s_english_is_what_the_teacher_makes_of_its_own_spelling(trained):
    written = {e.example_id: e.source[0] + "ab" for e in NAMES}
    found = similarities(trained, NAMES, written)
    langs = [e.target_lang for e in NAMES]
    ours = pooled(trained.teacher, [written[e.example_id] for e in NAMES], langs)
    theirs = pooled(trained.teacher, [e.pivot for e in NAMES], langs)
    matched = found[CHAIN_ENGLISH].matched
    assert matched == pytest.approx(cosines(ours, theirs), abs=1e-4)
    gold = {e.example_id: e.pivot for e in NAMES}
    found = similarities(trained, NAMES, gold)
    assert found[CHAIN_ENGLISH].matched == pytest.approx(1.0, abs=1e-5)
    del gold[NAMES[0].example_id]
    assert CHAIN_ENGLISH not in similarities(trained, NAMES, gold)
