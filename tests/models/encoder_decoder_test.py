"""What the network is made of: tables, positions, norms, dropout, slots."""

import jax
import numpy as np
import pytest
import tiny

from epik_jax import trees
from epik_jax.models import transformer
from epik_jax.models.encoder_decoder import Memory


@pytest.fixture(scope="module")
def params():
    return tiny.params()


@pytest.fixture(scope="module")
def batch():
    return tiny.batch(batch_size=4)


@pytest.fixture(scope="module")
def memory(params, batch):
    return tiny.encode(params, tiny.CONFIG, batch["source"], batch["source_mask"])


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_a_word_read_backwards_is_another_word(positions):
    config = tiny.config(positions=positions)
    source, mask = np.array([[2, 3, 4, 5, 6]], np.int32), np.ones((1, 5), bool)
    params = tiny.params(config)
    forth, back = (
        tiny.encode(params, config, word, mask).hidden
        for word in (source, source[:, ::-1])
    )
    assert abs(forth - back[:, ::-1]).max() > 0.05


def test_dropout_needs_a_key_and_follows_it(params, batch, memory):
    first, again, second = (
        tiny.encode(
            params,
            tiny.CONFIG,
            batch["source"],
            batch["source_mask"],
            key=jax.random.key(seed),
        ).hidden
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert abs(first - memory.hidden).max() > 0.1 and abs(first - second).max() > 0.1


def test_pre_norm_ends_in_a_norm_that_post_norm_does_not_have(params, batch, memory):
    post = tiny.config(norm="post")
    extra = set(trees.flatten(params)) - set(trees.flatten(tiny.params(post)))
    sides, leaves = ("encoder", "decoder"), ("scale", "bias")
    assert extra == {f"{side}/norm/{leaf}" for side in sides for leaf in leaves}
    same = tiny.encode(params, post, batch["source"], batch["source_mask"])
    assert abs(memory.hidden - same.hidden).max() > 0.1


def test_slots_are_as_many_whatever_the_source_and_a_gate_says_which_are_read(batch):
    config = tiny.config(num_slots=6)
    params = tiny.params(config)
    memory, wider = (
        tiny.encode(
            params,
            config,
            np.pad(batch["source"], ((0, 0), (0, extra))),
            np.pad(batch["source_mask"], ((0, 0), (0, extra))),
        )
        for extra in (0, 1)
    )
    assert memory.hidden.shape == (4, 6, 16)
    np.testing.assert_array_equal(memory.hidden, wider.hidden)
    gate = params["gate"]
    expected = (memory.hidden @ gate["kernel"] + gate["bias"])[..., 0]
    np.testing.assert_allclose(memory.gate_logits, expected, atol=1e-5)
    np.testing.assert_array_equal(memory.mask, memory.gate_logits > 0)
    assert memory.mask.any() and not memory.mask.all()


def test_slots_after_the_source_hold_the_padding_of_the_vocabulary(batch):
    config = tiny.config(num_slots=6)
    params, ids = tiny.params(config), batch["source"][:, :3]
    for pad_id in (0, 7):
        filled = np.pad(ids, ((0, 0), (0, 3)), constant_values=pad_id)
        short, full = (
            tiny.encode(params, config, x, np.ones(x.shape, bool), pad_id=pad_id)
            for x in (ids, filled)
        )
        np.testing.assert_array_equal(short.hidden, full.hidden)
    with pytest.raises(ValueError, match="num_slots needs a pad_id"):
        transformer.encode(params, config, ids, np.ones(ids.shape, bool))


def test_what_the_gate_shuts_is_not_read_and_what_it_opens_is(params, batch, memory):
    opened = np.arange(5) < np.full((4, 1), 2)

    def logits(hidden):
        read = Memory(hidden, opened)
        return tiny.decode(params, tiny.CONFIG, batch["target_in"], read).logits

    before = logits(memory.hidden)
    shut, open_ = memory.hidden.copy(), memory.hidden.copy()
    shut[:, 2:] += 10
    open_[:, 1] *= -1
    np.testing.assert_array_equal(logits(shut), before)
    assert abs(logits(open_) - before).max() > 0.01


def test_a_source_longer_than_the_slots_is_refused(batch):
    config = tiny.config(num_slots=4)
    with pytest.raises(ValueError, match="source of 5 tokens does not fit num_slots 4"):
        tiny.encode(tiny.params(config), config, batch["source"], batch["source_mask"])


def test_an_encoder_table_of_its_own_is_all_that_the_encoder_reads(batch):
    config = tiny.config(shared_embedding=False)
    params = dict(tiny.params(config))

    def both(**changes):
        changed = params | changes
        memory = tiny.encode(changed, config, batch["source"], batch["source_mask"])
        output = tiny.decode(changed, config, batch["target_in"], memory)
        return memory.hidden, output.logits

    hidden, logits = both()
    decoders = both(embedding=params["embedding"][::-1])
    np.testing.assert_array_equal(decoders[0], hidden)
    assert abs(decoders[1] - logits).max() > 0.1
    encoders = both(encoder_embedding=params["encoder_embedding"][::-1])
    assert abs(encoders[0] - hidden).max() > 0.1
