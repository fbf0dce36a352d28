"""A teacher is asked once for what its student wants, or batch by batch the same."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
import toy_tagging
from toy_tagging import BILSTM, SENTENCES

from epik_jax.recipes.tagging.curriculum import student_stages
from epik_jax.recipes.tagging.start import initial_student
from epik_jax.recipes.tagging.teaching import (
    SignalsConfig,
    gather_material,
    network_digest,
    states_kept,
)
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.teachers.tagging import LiveTags
from epik_jax.training.stop import InterruptedRunError

CACHED = SignalsConfig(storage="float32", num_shards=2)


def gathered(at, config=None, asked=CACHED, teacher=None, corpus=None):
    return gather_material(
        teacher or toy_tagging.network(),
        corpus or toy_tagging.corpus(),
        config or toy_tagging.student(),
        asked,
        at,
    )


def test_what_states_lose_by_being_kept_is_measured(at):
    rounded = gathered(at, asked=SignalsConfig(storage="int8", num_shards=1))
    kept = states_kept(rounded, 1)
    assert kept["storage"] == "int8" and 0.001 < kept["rounding_error"] < 0.02
    exact = gathered(at, asked=SignalsConfig(live=True))
    assert states_kept(exact, 1) == {"storage": "float32"}
    alone = gathered(at, toy_tagging.student(strategy="D1"))
    assert states_kept(alone, 1) == {}


def first_losses(config, material):
    """The loss of each stage's first batch, at the same parameters."""
    teacher = material.teacher
    pieces = teacher.pieces.pruned(np.unique(material.encoded.tokens.values))
    model = config.model.sized(pieces.size, teacher.config, config.layer)
    params = initial_student(config, model, pieces, teacher)
    losses = []
    for stage in student_stages(config, model, pieces, material, "student"):
        batch = next(stage.batches(1))
        said = jax.jit(stage.forward, static_argnames="key")(params, batch, key=None)
        losses.append(float(stage.objective(said, batch)[0]))
    return losses


def test_a_cache_and_a_live_teacher_give_equal_losses(at):
    config = toy_tagging.student(strategy="D4.1")
    cached = gathered(at, config)
    live = gathered(at, config, SignalsConfig(live=True))
    assert isinstance(cached.signals, TeacherCache)
    assert isinstance(live.signals, LiveTags)
    one, other = (first_losses(config, material) for material in (cached, live))
    assert len(one) == 3 and one == pytest.approx(other, rel=1e-5)
    assert cached.storage == live.storage == "float32"


@pytest.mark.parametrize(
    ("strategy", "name", "fields"),
    [
        ("D4.2", "layer-1", {"logits", "hidden"}),
        ("D1", "tags", {"logits"}),
        ("D0-S", None, set()),
    ],
)
def test_a_teacher_is_asked_for_what_the_strategy_wants(at, strategy, name, fields):
    material = gathered(at, toy_tagging.student(strategy=strategy))
    folder = at.folder / "cache"
    assert [p.name for p in folder.glob("*")] == ([name] if name else [])
    if name is None:
        assert material.signals is None and material.storage == "none"
        return
    found = material.signals.join(
        material.encoded.keys[:2], material.encoded.source_digest[:2]
    )
    assert set(found) == fields


def test_all_training_text_is_asked_about_and_no_dev_sentence(at):
    material = gathered(at)
    assert [s.words for s in material.sentences] == [s.words for s in SENTENCES]
    assert [bool(s.tags) for s in material.sentences] == [True] * 10 + [False] * 6
    assert {name: len(found) for name, found in material.dev.items()} == {
        "toy/en": 2,
        "toy/hi": 2,
    }


def test_long_sentences_are_cut_to_what_the_teacher_reads(at):
    words = tuple(w for s in SENTENCES[:8] for w in s.words)
    long = dataclasses.replace(SENTENCES[0], example_id="long", words=words, tags=())
    corpus = dataclasses.replace(toy_tagging.corpus(), unlabelled=[long])
    material = gathered(at, corpus=corpus)
    assert material.encoded.tokens.lengths.max() <= toy_tagging.WIDTH
    cut = [s for s in material.sentences if s.example_id.startswith("long")]
    assert len(cut) > 1 and tuple(w for s in cut for w in s.words) == words


def test_a_second_time_nobody_is_asked(at, monkeypatch):
    gathered(at)
    monkeypatch.setattr(LabellingNetwork, "signals", None)
    assert len(gathered(at).signals) == len(SENTENCES)


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("teacher", {"teacher": toy_tagging.network(seed=2)}),
        ("data", {"corpus": toy_tagging.corpus(num_tagged=3)}),
        ("encoding", {"asked": SignalsConfig(storage="int8", num_shards=2)}),
    ],
)
def test_a_cache_of_something_else_is_refused_by_name(at, part, changes):
    gathered(at)
    with pytest.raises(ValueError, match=rf"made for something else: .*\b{part} \("):
        gathered(at, **changes)


def test_a_layer_that_the_teacher_has_not_is_refused(at):
    with pytest.raises(ValueError, match=r"layer is 3, and the teacher has 2"):
        gathered(at, toy_tagging.student(layer=3))
    assert gathered(at, toy_tagging.student(layer=2)).signals


def test_a_stop_is_obeyed_while_the_teacher_is_asked(at):
    class Asked:
        def obey(self, where):
            raise InterruptedRunError(where)

    with pytest.raises(InterruptedRunError, match="while the teacher was asked"):
        gathered(dataclasses.replace(at, stop=Asked()))


def test_a_network_is_known_by_its_parameters_and_sizes():
    known = {
        network_digest(network)
        for network in (
            toy_tagging.network(),
            toy_tagging.network(seed=2),
            toy_tagging.network(BILSTM),
        )
    }
    assert len(known) == 3
    assert network_digest(toy_tagging.network()) in known
