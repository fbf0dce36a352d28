"""Scorers read two texts in a row, and their headers know nothing of each other."""

from __future__ import annotations

import dataclasses
import math

import jax
import numpy as np
import pytest
import scipy.special

from epik_jax import trees
from epik_jax.models import initial, scorer
from epik_jax.models.config import TransformerConfig
from epik_jax.models.scorer_config import BilstmScorerConfig, EncoderScorerConfig

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
LABELS = ("no", "yes", "maybe")
CONFIGS = [
    EncoderScorerConfig(ENCODER, LABELS, num_headers=4),
    EncoderScorerConfig(ENCODER, LABELS, num_headers=4, pooler=False),
    BilstmScorerConfig(20, 6, 5, LABELS, num_headers=4),
    EncoderScorerConfig(
        dataclasses.replace(ENCODER, token_types=4), LABELS, 4, matches=True
    ),
]
every_scorer = pytest.mark.parametrize(
    "config", CONFIGS, ids=["encoder", "no-pooler", "bilstm", "matches"]
)
TOKENS = np.random.default_rng(0).integers(0, 20, (3, 9))
MASK = np.arange(9) < np.array([[9], [7], [5]])
TYPES = (np.arange(9) >= np.array([[4], [3], [2]])).astype(np.int32)

# Compiled once a configuration, not operation by operation.
SCORE = jax.jit(scorer.score, static_argnames="config")


def params_of(config):
    return initial.init_params(scorer.parameter_shapes(config), 3)


def answer(config, tokens=TOKENS, mask=MASK, types=TYPES, key=None):
    return SCORE(params_of(config), config, tokens, mask, types, key=key)


@every_scorer
def test_there_is_a_row_of_logits_a_header(config):
    found = answer(config)
    assert found.shape == (3, 4, 3) and found.dtype == np.float32
    # Drawn apart: no two headers say the same.
    assert len({tuple(row) for row in np.round(found[0], 5).tolist()}) == 4


@every_scorer
def test_padding_does_not_change_a_score(config):
    wide = [
        np.concatenate([array, np.full((3, 4), fill, array.dtype)], axis=1)
        for array, fill in ((TOKENS, 9), (MASK, False), (TYPES, 0))
    ]
    noisy = np.where(MASK, TOKENS, 7)
    np.testing.assert_allclose(answer(config), answer(config, *wide), atol=1e-5)
    np.testing.assert_allclose(answer(config), answer(config, noisy), atol=1e-5)


@every_scorer
def test_where_the_second_text_begins_makes_a_difference(config):
    moved = np.where(np.arange(9) == 4, 0, TYPES)
    assert abs(answer(config, types=moved) - answer(config))[0].max() > 1e-4


@every_scorer
def test_a_header_alone_is_what_it_is_beside_others(config):
    params = dict(params_of(config))
    headers = params["headers"]
    for place in range(4):
        alone = {name: leaf[place : place + 1] for name, leaf in headers.items()}
        one = dataclasses.replace(config, num_headers=1)
        found = SCORE({**params, "headers": alone}, one, TOKENS, MASK, TYPES)
        np.testing.assert_allclose(found[:, 0], answer(config)[:, place], atol=1e-5)


@every_scorer
def test_dropout_follows_its_key_and_is_off_without_one(config):
    config = (
        dataclasses.replace(config, dropout=0.5)
        if isinstance(config, BilstmScorerConfig)
        else dataclasses.replace(
            config, encoder=dataclasses.replace(config.encoder, dropout=0.5)
        )
    )
    first, again, other = (
        answer(config, key=jax.random.key(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert abs(first - other).max() > 1e-3
    np.testing.assert_array_equal(answer(config), answer(config))


def test_equal_pieces_in_both_texts_change_a_bilstm_s_answer_from_the_start():
    config = BilstmScorerConfig(20, 16, 8, LABELS)
    tokens = np.array([[1, 5, 6, 2, 7, 8, 2], [1, 5, 6, 2, 5, 6, 2]])
    types = np.array([[0, 0, 0, 0, 1, 1, 1]] * 2, np.int32)
    mask = np.ones_like(tokens, bool)
    network, params = scorer.BilstmScorer(config), params_of(config)
    x = params["embedding"][tokens] * 4.0
    beside = network.apply(
        {"params": params}, x, mask, types, method=lambda m, *a: m._aligned(*a)
    )
    unlike, like = np.square(x - beside)[:, 1:3].mean(axis=(1, 2))
    assert like < 0.3 * unlike


def test_pieces_of_both_texts_are_marked_and_padding_is_not():
    tokens = np.array([[1, 5, 6, 2, 6, 9, 2, 5], [1, 3, 3, 2, 4, 2, 0, 0]])
    types = np.array([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]])
    mask = np.array([[1] * 7 + [0], [1] * 6 + [0, 0]], bool)
    found = scorer.matching(tokens, mask, types)
    assert found.tolist() == [[0, 0, 1, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 1, 0, 0]]


def test_an_empty_second_text_gives_numbers():
    for config in CONFIGS:
        found = answer(config, types=np.zeros_like(TYPES))
        assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("changes", "shares"),
    [
        ({}, [0.25] * 4),
        ({"prediction": "golden"}, [1, 0, 0, 0]),
        ({"prediction": "soft_mean"}, [0, 1 / 3, 1 / 3, 1 / 3]),
        ({"prediction": "weighted", "weights": (3, 0, 1, 0)}, [0.75, 0, 0.25, 0]),
        ({"prediction": "weighted", "weights": (3e99, 0, 1e99, 0)}, [0.75, 0, 0.25, 0]),
    ],
)
def test_headers_are_averaged_as_probabilities(changes, shares):
    config = dataclasses.replace(CONFIGS[0], **changes)
    logits = np.random.default_rng(1).normal(0, 3, (2, 4, 3)).astype(np.float32)
    found = np.exp(scorer.predicted(logits, config))
    expected = np.tensordot(scipy.special.softmax(logits, -1), shares, (1, 0))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prediction": "median"}, "is none of"),
        ({"prediction": "soft_mean", "num_headers": 1}, "needs a teacher's header"),
        ({"weights": (1, 1, 1, 1)}, "of prediction 'weighted' alone"),
        ({"prediction": "weighted", "weights": (1, 1)}, "for each of 4 headers"),
        ({"prediction": "weighted", "weights": (0, 0, 0, 0)}, "for each of 4"),
        ({"prediction": "weighted", "weights": (1, 1, 1, math.inf)}, "for each of 4"),
    ],
)
def test_a_prediction_that_headers_do_not_have_is_refused(changes, said):
    for config in (CONFIGS[0], CONFIGS[2]):
        with pytest.raises(ValueError, match=said):
            dataclasses.replace(config, **changes)


def test_what_reads_no_pairs_is_refused():
    with pytest.raises(ValueError, match="token_types is 1"):
        EncoderScorerConfig(dataclasses.replace(ENCODER, token_types=1), LABELS)
    with pytest.raises(ValueError, match="told apart by 4, where matches is True"):
        EncoderScorerConfig(ENCODER, LABELS, matches=True)
    with pytest.raises(ValueError, match="no decoder_layers"):
        EncoderScorerConfig(dataclasses.replace(ENCODER, decoder_layers=1), LABELS)
    with pytest.raises(ValueError, match="have one twice"):
        BilstmScorerConfig(20, 4, 4, ("a", "a"))
    with pytest.raises(ValueError, match="num_headers"):
        BilstmScorerConfig(20, 4, 4, LABELS, num_headers=0)


@every_scorer
def test_every_parameter_matters(config):
    params = params_of(config)

    def total(params):
        logits = scorer.score(params, config, TOKENS, MASK, TYPES)
        return (logits * np.arange(1, 13).reshape(1, 4, 3)).sum()

    slopes = trees.flatten(jax.jit(jax.grad(total))(params))
    # A key's bias moves all logits of a query alike, and so nothing.
    dead = {p for p, s in slopes.items() if not abs(s).max() > 1e-7}
    assert all(path.endswith("attention/key/bias") for path in dead), dead
