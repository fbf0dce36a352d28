"""Activations computed again, or in bfloat16: every network trains as it should."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
import toy_pairs

from epik_jax import trees
from epik_jax.models import initial, labeller, scorer, transformer
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.labeller_config import BilstmLabellerConfig, EncoderLabellerConfig

AGAIN = Computing(rematerialise=True)
COARSE = Computing(activations="bfloat16")
BOTH = Computing(activations="bfloat16", rematerialise=True)
LABELS = ("O", "B-LOC", "I-LOC")
KEY = jax.random.key(5)
ROWS, LENGTH = 4, 12
ENCODER = dataclasses.replace(toy_pairs.ENCODER, dropout=0.2)


@dataclasses.dataclass(frozen=True)
class Toy:
    """A network, its parameters, and what it says of some rows."""

    params: Any
    answer: Callable[..., dict[str, Any]]


def rows():
    """Tokens, which of them are real, and segments."""
    rng = np.random.default_rng(3)
    tokens = rng.integers(4, toy_pairs.PIECES.size, (ROWS, LENGTH))
    mask = np.arange(LENGTH) < np.array([12, 9, 5, 7])[:, None]
    types = np.tile(np.arange(LENGTH) > 2, (ROWS, 1)).astype(np.int32)
    return tokens.astype(np.int32), mask, types


def drawn(shapes):
    return initial.init_params(shapes, 0)


def translator():
    config = tiny.config(decoder_layers=2)
    batch = tiny.batch()

    def answer(params, computing, key, seen=batch):
        how = {"key": key, "computing": computing}
        shown = (seen["source"], seen["source_mask"])
        memory = transformer.encode(params, config, *shown, **how)
        said = transformer.decode(params, config, seen["target_in"], memory, **how)
        whole = {"logits": said.logits, "hidden": memory.hidden}
        return whole | {"attention": said.attention}

    return Toy(tiny.params(config), answer)


def guesser():
    tokens, mask, types = rows()
    bias, places = np.zeros(ENCODER.vocab_size, np.float32), np.tile([1, 3], (ROWS, 1))

    def answer(params, computing, key):
        how = {"key": key, "computing": computing}
        shown = (tokens, mask, types, places, bias)
        return {"logits": transformer.guesses(params, ENCODER, *shown, **how)}

    return Toy(drawn(transformer.parameter_shapes(ENCODER)), answer)


def tagger(config):
    tokens, mask, _ = rows()

    def answer(params, computing, key, tokens=tokens):
        how = {"layer": 1, "key": key, "computing": computing}
        said = labeller.label(params, config, tokens, mask, **how)
        return {"logits": said.logits, "hidden": said.hidden}

    return Toy(drawn(labeller.parameter_shapes(config)), answer)


def judge(config):
    def answer(params, computing, key):
        said = scorer.score(params, config, *rows(), key=key, computing=computing)
        return {"logits": said}

    return Toy(drawn(scorer.parameter_shapes(config)), answer)


TOYS = {
    "encoder-decoder": translator,
    "guesses": guesser,
    "labeller": lambda: tagger(EncoderLabellerConfig(ENCODER, LABELS)),
    "BiLSTM labeller": lambda: tagger(
        BilstmLabellerConfig(toy_pairs.PIECES.size, 4, 6, 8, LABELS, dropout=0.2)
    ),
    "scorer": lambda: judge(dataclasses.replace(toy_pairs.CONFIGS[0], encoder=ENCODER)),
    "BiLSTM scorer": lambda: judge(toy_pairs.CONFIGS[1]),
}
EVERY = pytest.mark.parametrize("name", TOYS)
# One for each way in which blocks are put together: compiling takes its time.
ONE_OF_A_KIND = pytest.mark.parametrize(
    "name", ["encoder-decoder", "labeller", "BiLSTM labeller"]
)


def loss_of(toy, computing):
    """A number that depends on all that the network says, dropout on."""

    def loss(params):
        said = jax.tree.leaves(toy.answer(params, computing, KEY))
        return sum(jnp.mean(jnp.sin(3 * x)) for x in said)

    return loss


@functools.cache
def learnt(name, computing):
    """The loss and its gradients."""
    toy = TOYS[name]()
    found = jax.jit(jax.value_and_grad(loss_of(toy, computing)))(toy.params)
    return jax.device_get(found)


def kept_bytes(name, computing):
    """What is kept from the loss until its gradient is computed."""
    toy = TOYS[name]()
    kept = jax.eval_shape(lambda p: jax.vjp(loss_of(toy, computing), p)[1], toy.params)
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(kept))


@ONE_OF_A_KIND
def test_what_is_computed_again_gives_the_same_loss_and_gradients(name):
    (loss, gradients), (again, others) = learnt(name, PLAIN), learnt(name, AGAIN)
    np.testing.assert_allclose(again, loss, rtol=1e-6)
    expected = trees.flatten(gradients)
    for path, leaf in trees.flatten(others).items():
        np.testing.assert_allclose(leaf, expected[path], atol=2e-6, err_msg=path)


@EVERY
def test_what_is_computed_again_is_not_kept(name):
    assert kept_bytes(name, AGAIN) < 0.8 * kept_bytes(name, PLAIN)
    assert kept_bytes(name, BOTH) < 0.8 * kept_bytes(name, COARSE)


@pytest.mark.parametrize("name", ["encoder-decoder", "labeller", "scorer"])
def test_activations_in_bfloat16_are_smaller(name):
    assert kept_bytes(name, COARSE) < 0.5 * kept_bytes(name, PLAIN)
    assert kept_bytes(name, BOTH) < kept_bytes(name, AGAIN)


@ONE_OF_A_KIND
def test_activations_in_bfloat16_give_nearly_the_same_in_float32(name):
    (loss, gradients), (coarse, others) = learnt(name, PLAIN), learnt(name, COARSE)
    assert 0 < abs(coarse - loss) < 0.02  # 0 would mean that it was never used.
    ours, theirs = trees.flatten(others), trees.flatten(gradients)
    assert {leaf.dtype for leaf in ours.values()} == {np.dtype("float32")}
    error = np.concatenate([(ours[path] - theirs[path]).ravel() for path in ours])
    whole = np.concatenate([leaf.ravel() for leaf in theirs.values()])
    assert np.linalg.norm(error) < 0.1 * np.linalg.norm(whole)


@EVERY
@pytest.mark.parametrize("computing", [COARSE, BOTH], ids=["once", "again"])
def test_what_leaves_a_network_is_float32(name, computing):
    toy = TOYS[name]()
    said = jax.eval_shape(lambda p: toy.answer(p, computing, KEY), toy.params)
    assert {x.dtype for x in jax.tree.leaves(said)} == {jnp.dtype("float32")}


@EVERY
@pytest.mark.parametrize("computing", [COARSE, BOTH], ids=["once", "again"])
def test_all_products_are_of_bfloat16_summed_in_float32(name, computing):
    toy = TOYS[name]()
    lowered = jax.jit(jax.grad(loss_of(toy, computing))).lower(toy.params)
    products = [x for x in lowered.as_text().splitlines() if "dot_general" in x]
    assert products
    for line in products:
        operands, result = line.split("->")
        assert operands.count("bf16>") == 2 and "f32>" in result, line


def test_padding_is_not_read_in_bfloat16():
    tokens, mask, _ = rows()
    other = np.where(mask, tokens, 5)
    assert (other != tokens).any()
    for name in ("labeller", "BiLSTM labeller"):
        toy = TOYS[name]()
        ask = functools.partial(toy.answer, toy.params, COARSE, None)
        found, again = jax.jit(ask)()["logits"], jax.jit(ask)(tokens=other)["logits"]
        np.testing.assert_array_equal(found[mask], again[mask])
    toy, batch = translator(), tiny.batch()
    source = np.where(batch["source_mask"], batch["source"], 5)
    assert (source != batch["source"]).any()
    ask = jax.jit(functools.partial(toy.answer, toy.params, COARSE, None))
    found, again = (ask(seen=b)["logits"] for b in (batch, batch | {"source": source}))
    np.testing.assert_array_equal(found, again)


def test_a_type_that_nothing_is_computed_in_is_refused():
    with pytest.raises(ValueError, match="activations 'float16' is none of"):
        Computing(activations="float16")  # type: ignore[arg-type]
