"""Labellers answer for real pieces, and give the states that they are asked for."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest

from epik_jax.models import initial, labeller
from epik_jax.models.config import TransformerConfig
from epik_jax.models.labeller_config import BilstmLabellerConfig, EncoderLabellerConfig

ENCODER = TransformerConfig(
    vocab_size=20,
    width=8,
    num_heads=2,
    feed_forward=16,
    encoder_layers=2,
    decoder_layers=0,
    max_length=16,
    norm="post",
    positions="learned",
    activation="gelu_exact",
    embedding_norm=True,
    token_types=2,
)
LABELS = tuple("abcde")
TEACHER = EncoderLabellerConfig(ENCODER, labels=LABELS)
STUDENT = BilstmLabellerConfig(20, embedding=4, hidden=6, projection=8, labels=LABELS)
CONFIGS = [
    TEACHER,
    EncoderLabellerConfig(ENCODER, LABELS, "first"),
    STUDENT,
    BilstmLabellerConfig(20, 4, 6, 8, LABELS, "last"),
    BilstmLabellerConfig(20, 4, 6, 8, LABELS, "max"),
]
IDS = ["encoder", "pooled-encoder", "bilstm", "last", "max"]
TOKENS = np.random.default_rng(0).integers(0, 20, (3, 7))
MASK = np.arange(7) < np.array([[7], [4], [1]])

# Compiled once a configuration, not operation by operation.
LABEL = jax.jit(labeller.label, static_argnames=("config", "layer"))


def params_of(config):
    return initial.init_params(labeller.parameter_shapes(config), 3)


def answer(config, tokens=TOKENS, mask=MASK, layer=1, key=None):
    return LABEL(params_of(config), config, tokens, mask, layer=layer, key=key)


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_a_label_a_piece_or_one_a_sentence(config):
    rows = (3, 7) if config.pooling == "none" else (3, 1)
    assert answer(config).logits.shape == (*rows, 5)


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_padding_does_not_change_a_label(config):
    wide = np.concatenate([TOKENS, np.full((3, 4), 9)], axis=1)
    mask = np.concatenate([MASK, np.zeros((3, 4), bool)], axis=1)
    plain, padded = answer(config), answer(config, wide, mask)
    if config.pooling == "none":
        got, wanted = (np.asarray(x.logits[:, :7])[MASK] for x in (padded, plain))
    else:
        got, wanted = padded.logits, plain.logits
    np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_dropout_acts_with_a_key_alone(config):
    plain = np.asarray(answer(config).logits)
    np.testing.assert_array_equal(plain, answer(config).logits)
    assert np.abs(plain - answer(config, key=jax.random.key(0)).logits).max() > 1e-3


def test_states_of_each_layer_lead_to_the_next():
    """The last layer's states are what the head reads; the others differ from it."""
    params = params_of(TEACHER)
    states = [answer(TEACHER, layer=i).hidden for i in range(3)]
    head = params["head"]
    logits = np.asarray(states[2]) @ head["kernel"] + head["bias"]
    np.testing.assert_allclose(logits, answer(TEACHER).logits, atol=1e-5)
    for below, above in itertools.pairwise(states):
        assert np.abs(below - above).max() > 0.1
    # Layer 0 sees no neighbour, the others do.
    other = TOKENS.copy()
    other[0, 3] = (other[0, 3] + 1) % 20
    for layer, spread in ((0, False), (1, True)):
        changed = answer(TEACHER, other, layer=layer).hidden[0, 2]
        assert (np.abs(changed - states[layer][0, 2]).max() > 1e-4) == spread


def test_the_student_s_head_reads_what_imitates_the_teacher():
    head = params_of(STUDENT)["head"]
    output = answer(STUDENT)
    assert output.hidden.shape == (3, 7, STUDENT.width_of(1))
    logits = np.asarray(output.hidden) @ head["kernel"] + head["bias"]
    np.testing.assert_allclose(logits, output.logits, atol=1e-5)


def test_max_and_last_pool_what_the_bilstm_says_of_real_pieces():
    states = np.asarray(answer(bilstm("none")).hidden)
    for row, length in enumerate(MASK.sum(axis=1)):
        real = states[row, :length]
        # Forwards it ends at the last piece, backwards at the first.
        ends = np.concatenate([real[-1, :6], real[0, 6:]])
        for pooling, pooled in (("last", ends), ("max", real.max(axis=0))):
            found = answer(bilstm(pooling)).hidden[row, 0]
            np.testing.assert_allclose(found, pooled, atol=1e-6)


def bilstm(pooling):
    """One that labels what its BiLSTM says, without a projection."""
    return BilstmLabellerConfig(20, 4, 6, 0, LABELS, pooling)


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="layer 3 is not in 0 to 2"):
        answer(TEACHER, layer=3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"embedding": 0}, "embedding"),
        ({"recurrent_dropout": 1.0}, "recurrent_dropout 1.0"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(change, told):
    sizes = {"vocab_size": 9, "embedding": 2, "hidden": 2, "projection": 2}
    with pytest.raises(ValueError, match=told):
        BilstmLabellerConfig(**{**sizes, "labels": ("a", "b"), **change})
    with pytest.raises(ValueError, match="no decoder_layers"):
        EncoderLabellerConfig(TransformerConfig(9), ("a", "b"))
