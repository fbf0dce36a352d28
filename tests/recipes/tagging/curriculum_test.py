"""A student learns what its stages say, from what is not held out, and nothing else."""

from __future__ import annotations

import dataclasses
import itertools

import jax
import numpy as np
import pytest
import toy_tagging
from toy_tagging import PIECES, SENTENCES

from epik_jax import trees
from epik_jax.data.draw import share_by_words
from epik_jax.data.encode_sentences import cut_sentences
from epik_jax.parallel.mesh import make_mesh, to_global
from epik_jax.recipes.recipe import compile_step
from epik_jax.recipes.tagging import curriculum
from epik_jax.recipes.tagging.curriculum import student_stages, train_student
from epik_jax.recipes.tagging.start import initial_student
from epik_jax.structs import Sentence


def kept_pieces(material):
    return PIECES.pruned(np.unique(material.encoded.tokens.values))


def stages_of(config, material=None, prefix="student"):
    material = material or toy_tagging.material()
    pieces = kept_pieces(material)
    model = config.model.sized(pieces.size, material.teacher.config, config.layer)
    return student_stages(config, model, pieces, material, prefix)


def drawn(stage, num_batches=12):
    """Sentences, as rows of pieces, that a stage trains on."""
    rows = set()
    for batch in itertools.islice(stage.batches(0), num_batches):
        for tokens, real in zip(batch["tokens"], batch["token_mask"], strict=True):
            rows.add(tuple(tokens[real].tolist()))
    return rows


@pytest.fixture
def begun(monkeypatch):
    """Trains nothing; keeps the stages and parameters that training was given."""
    given = []

    def run_stages(stages, params, at):
        given.append((stages, params))
        return params

    monkeypatch.setattr(curriculum, "run_stages", run_stages)
    return given


def test_held_out_sentences_are_in_no_training_batch():
    stages = stages_of(toy_tagging.student(strategy="D4.1"))
    trained = set().union(*(drawn(stage) for stage in stages))
    assert len(trained) == len(SENTENCES) - 4
    names = sorted(SENTENCES, key=lambda s: share_by_words(s, "held out"))[:4]
    pieces = kept_pieces(toy_tagging.material())
    for sentence in names:
        ids = pieces.encode([sentence.words])[0].values.tolist()
        assert (pieces.first_id, *ids, pieces.last_id) not in trained


def test_tags_are_learnt_from_tagged_sentences_and_states_from_all():
    representation, logits, labels = stages_of(toy_tagging.student(strategy="D4.1"))
    assert drawn(labels) < drawn(logits) == drawn(representation)
    assert all(b["label_mask"].any(axis=1).all() for b in batches(labels))
    # A joint stage is chosen on dev lists, and learns from what others hold out, too.
    [joint] = stages_of(toy_tagging.student(strategy="D1"))
    assert drawn(logits) < drawn(joint)


def batches(stage, count=5):
    return list(itertools.islice(stage.batches(0), count))


def test_stages_are_known_by_what_they_depend_on():
    def inputs(material=None, **changes):
        config = toy_tagging.student(strategy="D4.1", **changes)
        return [stage.inputs for stage in stages_of(config, material)]

    plain = inputs()
    assert inputs() == plain
    material = toy_tagging.material()
    layer = toy_tagging.material(layer=2)
    first_alone = [
        inputs(distance="cosine"),
        inputs(dataclasses.replace(material, storage="int8")),
        inputs(layer, layer=2),
    ]
    for other in first_alone:
        assert [a == b for a, b in zip(plain, other, strict=True)] == [
            False,
            True,
            True,
        ]
    all_of_them = [
        inputs(dataclasses.replace(material, teacher_digest="t1")),
        inputs(start="random"),
        inputs(seed=2),
        inputs(num_held_out=9),
    ]
    for other in all_of_them:
        assert not any(a == b for a, b in zip(plain, other, strict=True))


def test_stages_of_one_leg_draw_sentences_in_another_order():
    legs = [s for s in stages_of(toy_tagging.student()) if "-logits-" in s.name]
    orders = [[b["tokens"].tolist() for b in batches(s)] for s in legs[:2]]
    assert orders[0] != orders[1] and drawn(legs[0]) == drawn(legs[1])
    assert legs[0].seed != legs[1].seed
    again, other = (
        stages_of(toy_tagging.student(seed=seed))[len(legs) - 1] for seed in (1, 2)
    )
    one, two = ([b["tokens"].tolist() for b in batches(s)] for s in (again, other))
    assert again.name == other.name and one != two


def test_pruned_pieces_cut_the_training_text_as_before(begun, at):
    material = toy_tagging.material(toy_tagging.mixed()[:6])
    student = train_student(toy_tagging.student(num_held_out=1), material, at)
    assert student.pieces.size < PIECES.size
    assert student.config.vocab_size == student.pieces.size
    words = [s.words for s in material.sentences]
    cut = [
        [[pieces.pieces[i] for i in row] for row in rows(pieces.encode(words)[0])]
        for pieces in (PIECES, student.pieces)
    ]
    assert cut[0] == cut[1]


def rows(ragged):
    return [ragged.row(i).tolist() for i in range(len(ragged))]


def test_a_word_longer_than_the_network_reads_is_cut_as_before(begun, at):
    """Also where its end has pieces that no other word has."""
    used = set(PIECES.encode([s.words for s in SENTENCES])[0].values.tolist())
    unused = [p for i, p in enumerate(PIECES.pieces) if i not in used and p[:2] == "##"]
    letter, end = (p[2:] for p in unused[:2])
    long = Sentence("long", (letter * 70 + end,), "en")
    assert PIECES.encode([long.words])[1].values.tolist()[0] > toy_tagging.WIDTH
    [cut] = cut_sentences([long], PIECES, toy_tagging.WIDTH)
    material = toy_tagging.material([*toy_tagging.mixed(), cut])
    student = train_student(toy_tagging.student(), material, at)
    student_stages(toy_tagging.student(), student.config, student.pieces, material, "s")
    theirs, mine = (
        [network.pieces.pieces[i] for i in network.encoded([cut]).tokens.row(0)]
        for network in (material.teacher, student)
    )
    assert theirs == mine and len(mine) == toy_tagging.WIDTH


def test_nothing_frozen_moves_and_what_is_trainable_does():
    """In the middle of a leg that thaws: the embedding and the bridge still lie."""
    config, material = toy_tagging.student(), toy_tagging.material()
    [stage] = [
        s for s in stages_of(config, material) if s.name.endswith("logits-bilstm")
    ]
    pieces, mesh = kept_pieces(material), make_mesh(1)
    model = config.model.sized(pieces.size, material.teacher.config, config.layer)
    params = initial_student(config, model, pieces, material.teacher)
    before = trees.flatten(params)
    state, step = compile_step(stage, params, mesh)
    for batch in itertools.islice(stage.batches(0), 2):
        state, _ = step(state, to_global(mesh, batch))
    for path, leaf in trees.flatten(jax.device_get(state.params)).items():
        trainable = path.startswith(("student/head/", "student/bilstm/"))
        assert (leaf != before[path]).any() == trainable, path


def test_a_student_of_a_language_sees_that_language_alone():
    material = toy_tagging.material().of_language("hi")
    assert {s.lang for s in material.sentences} == {"hi"}
    assert set(material.dev) == {"toy/hi"}
    assert material.encoded.keys.tolist() == [
        key
        for key, s in zip(toy_tagging.material().encoded.keys, SENTENCES, strict=True)
        if s.lang == "hi"
    ]
    tagged = dataclasses.replace(material, sentences=SENTENCES[8:])
    config = toy_tagging.student(strategy="D0", num_held_out=2)
    [stage] = stages_of(config, tagged, prefix="student-hi")
    assert stage.name == "student-hi-1-labels"
    assert len(drawn(stage)) == len(material.sentences)


@pytest.mark.parametrize("count", [16, 99])
def test_holding_everything_out_is_refused_with_the_numbers(count):
    with pytest.raises(ValueError, match=rf"num_held_out is {count}, .* 16 sentences"):
        stages_of(toy_tagging.student(num_held_out=count))
