"""Tags of people are learnt where they are, and scored as a mean over lists."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
import toy_tagging
from toy_tagging import BILSTM, ENCODER, LABELS, PIECES, SENTENCES

from epik_jax.evaluation.entities import entity_scores
from epik_jax.objectives.objective import Objective
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes.tagging.corpus import bare
from epik_jax.recipes.tagging.labels import (
    for_validation,
    label_term,
    make_label_forward,
    make_validate_tags,
    mean_score,
)

OBJECTIVE = Objective((label_term(),))
LISTS = {"long": SENTENCES[:7], "short": SENTENCES[12:]}


@jax.jit
def means(batch):
    forward = make_label_forward(BILSTM, 1)
    params = {"student": toy_tagging.network(BILSTM).params}
    return OBJECTIVE(forward(params, batch, key=None), batch)[1]["hard_ce"]


def batch(sentences, width=toy_tagging.WIDTH):
    encoded = toy_tagging.network().encoded(sentences)
    made = encoded.batch(np.arange(len(encoded)), width, PIECES.pad_id)
    return made | {"weight": np.ones(len(encoded), np.float32)}


def test_sentences_without_tags_never_count():
    half = [*SENTENCES[:4], *(bare(s) for s in SENTENCES[4:8])]
    mixed, alone = means(batch(half)), means(batch(SENTENCES[:4]))
    assert float(mixed.count) == float(alone.count)
    np.testing.assert_allclose(mixed.total, alone.total, rtol=1e-5)
    none = means(batch([bare(s) for s in SENTENCES[:4]]))
    assert float(none.count) == 0 and float(none.value()) == 0


def test_each_word_counts_once_however_many_pieces_it_has():
    counted = means(batch(SENTENCES[:4]))
    assert float(counted.count) == sum(len(s.words) for s in SENTENCES[:4])


def test_padding_does_not_change_the_loss():
    one, other = (means(batch(SENTENCES[:4], width)) for width in (48, 64))
    np.testing.assert_allclose(one.total, other.total, rtol=1e-5)
    assert float(one.count) == float(other.count)


def test_a_fixed_draw_of_each_list_is_validated():
    chosen = for_validation(LISTS, 3)
    assert {name: len(found) for name, found in chosen.items()} == {
        "long": 3,
        "short": 3,
    }
    assert for_validation({"long": LISTS["long"][::-1]}, 3)["long"] == chosen["long"]
    everything = for_validation(LISTS, 99)
    assert all(len(everything[name]) == len(found) for name, found in LISTS.items())


class Sayer:
    """A network that says what people said, of the lists that it is right in."""

    config = ENCODER

    def __init__(self, *right):
        self.known = {s.words: s.tags for name in right for s in LISTS[name]}

    def tags(self, sentences):
        return [self.known.get(s.words, ("O",) * len(s.words)) for s in sentences]


def test_f1_is_the_mean_over_languages_whatever_their_sizes():
    assert mean_score(Sayer("long", "short"), LISTS) == 1.0
    assert mean_score(Sayer("short"), LISTS) == pytest.approx(0.5)
    assert mean_score(Sayer(), LISTS) == 0.0
    halves = {"a": LISTS["long"][::2], "b": LISTS["long"][1::2], **LISTS}
    assert mean_score(Sayer("short"), halves) == pytest.approx(0.5)


def test_a_language_without_entities_is_no_part_of_the_mean():
    bare = dataclasses.replace(LISTS["short"][0], lang="xx", words=("a",), tags=("O",))
    assert mean_score(Sayer("long", "short"), {**LISTS, "none": [bare]}) == 1.0
    assert mean_score(Sayer("long"), {"none": [bare]}) == 0.0


def test_a_validation_scores_the_parameters_that_it_is_given():
    validate = make_validate_tags(ENCODER, PIECES, LISTS)
    network = toy_tagging.network()
    figures = []
    for found in LISTS.values():
        scores = entity_scores([s.tags for s in found], network.tags(found))
        figures.append(scores.value("f1"))
    made = validate({"student": network.params}, make_mesh(1))
    assert made["f1"] == pytest.approx(sum(figures) / 2)
    assert made["cost"] == pytest.approx(1 - made["f1"])
    assert set(LABELS) >= {t for s in SENTENCES for t in s.tags}
    assert make_validate_tags(ENCODER, PIECES, {}) is None
