"""A tagging teacher says the same in a block, live and from a cache."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_tagging
from toy_tagging import SENTENCES

from epik_jax.recipes.caching import fill_cache
from epik_jax.teachers import placed
from epik_jax.teachers.tagging import LiveTags, TaggingTeacher, WantedStates

ORDER = np.array([5, 0, 9, 0, 15])


@pytest.fixture(autouse=True)
def few_shapes(monkeypatch):
    monkeypatch.setattr(placed, "WIDTH_STEP", toy_tagging.WIDTH)


def teacher(storage="float32", layer=1):
    return TaggingTeacher(toy_tagging.network(), WantedStates(layer, storage))


def cached(folder, answering):
    return fill_cache(folder, answering, SENTENCES, {"teacher": "t"}, 2, lambda: None)


def live(answering):
    return LiveTags(answering, answering.network.encoded(SENTENCES))


def joined(signals, block, fields=("logits", "hidden")):
    return signals.join(block.keys[ORDER], block.digests[ORDER], fields)


@pytest.mark.parametrize("layer", [0, 2])
def test_block_live_and_cache_say_the_same(tmp_path, layer):
    answering = teacher(layer=layer)
    block = answering.block(SENTENCES)
    from_cache = joined(cached(tmp_path, answering), block)
    from_live = joined(live(answering), block)
    for name in ("logits", "hidden"):
        for place, row in enumerate(ORDER):
            expected = block.arrays[name].row(row)
            np.testing.assert_array_equal(from_cache[name].row(place), expected)
            np.testing.assert_allclose(
                from_live[name].row(place), expected, atol=1e-6, rtol=1e-5
            )


def test_states_are_those_of_the_layer_that_is_wanted():
    blocks = [teacher(layer=layer).block(SENTENCES) for layer in (0, 1, 2)]
    tokens = toy_tagging.network().encoded(SENTENCES).tokens
    for layer, block in enumerate(blocks):
        _, hidden = toy_tagging.network().signals(tokens, layer)
        np.testing.assert_array_equal(block.arrays["hidden"].values, hidden.values)
    for other in blocks[1:]:
        exact, found = (b.arrays["logits"].values for b in (blocks[0], other))
        np.testing.assert_allclose(found, exact, atol=1e-6)


@pytest.mark.parametrize(
    ("storage", "share"), [("int8", 1 / 254), ("float16", 2**-11), ("float32", 0.0)]
)
def test_stored_states_are_as_near_as_their_storage_says(tmp_path, storage, share):
    answering = teacher(storage)
    exact = teacher().block(SENTENCES).arrays["hidden"].values
    block = answering.block(SENTENCES)
    cache = cached(tmp_path, answering)
    found = cache.join(block.keys, block.digests, ("hidden",))["hidden"].values
    error = np.abs(found.astype(np.float32) - exact)
    assert (error <= (share + 1e-6) * np.abs(exact).max(axis=-1, keepdims=True)).all()
    assert (error > 0).any() == (share > 0)


def test_without_states_there_are_logits_alone(tmp_path):
    answering = teacher("none")
    block = answering.block(SENTENCES)
    assert set(block.arrays) == {"logits"}
    cache = cached(tmp_path, answering)
    assert set(joined(cache, block, ("logits",))) == {"logits"}
    assert set(joined(live(answering), block, ("logits",))) == {"logits"}
    whole = teacher().block(SENTENCES)
    np.testing.assert_array_equal(
        block.arrays["logits"].values, whole.arrays["logits"].values
    )


def test_other_storages_have_other_schemas():
    kinds = ("none", "float16", "float32", "int8")
    assert len({teacher(kind).schema.fingerprint for kind in kinds}) == 4


def test_a_live_teacher_refuses_what_it_does_not_know():
    answering = teacher()
    block, signals = answering.block(SENTENCES), live(answering)
    with pytest.raises(ValueError, match="no example of key 0x"):
        signals.join(block.keys + np.uint64(1), block.digests, ("logits",))


def test_a_live_teacher_refuses_sentences_of_other_pieces():
    answering = teacher()
    block = answering.block(SENTENCES)
    network = answering.network
    pieces = network.pieces.pruned(range(120))
    other = dataclasses.replace(network, pieces=pieces).encoded(SENTENCES)
    with pytest.raises(ValueError, match="encoded differently"):
        live(answering).join(block.keys, other.source_digest, ("logits",))
