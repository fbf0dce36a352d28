"""A labelling network answers every word of every sentence, whatever stands beside."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from epik_jax.data.templates import template_sentences
from epik_jax.models import initial, labeller
from epik_jax.models.config import TransformerConfig
from epik_jax.models.labeller_config import BilstmLabellerConfig, EncoderLabellerConfig
from epik_jax.structs import Sentence
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.text.wordpiece import train_wordpieces

LABELS = ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
SENTENCES = template_sentences("dev", count=8, seed=0)
SOME = SENTENCES[:3]  # Each length that stands alone is compiled alone.
PIECES = train_wordpieces([s.words for s in SENTENCES], 400)
ENCODER = TransformerConfig(
    vocab_size=PIECES.size,
    width=8,
    num_heads=2,
    feed_forward=16,
    encoder_layers=2,
    decoder_layers=0,
    max_length=96,
    norm="post",
    positions="learned",
    embedding_norm=True,
)
CONFIGS = {
    "encoder": EncoderLabellerConfig(ENCODER, LABELS),
    "bilstm": BilstmLabellerConfig(PIECES.size, 4, 6, 8, LABELS, max_length=96),
}
# Compiled once a length, not operation by operation.
LABEL = jax.jit(labeller.label, static_argnames=("config", "layer"))


@pytest.fixture(params=CONFIGS)
def network(request):
    config = CONFIGS[request.param]
    params = initial.init_params(labeller.parameter_shapes(config), 1)
    return LabellingNetwork(params, config, PIECES)


def test_each_word_gets_the_likeliest_label_of_its_first_piece(network):
    tags = network.tags(SENTENCES)
    for sentence, answer in zip(SOME, tags[:3], strict=True):
        encoded = network.encoded([sentence])
        ids = encoded.tokens.row(0)[None]
        output = LABEL(
            network.params, network.config, ids, np.ones(ids.shape, bool), layer=1
        )
        best = np.argmax(output.logits[0], axis=-1)[encoded.firsts.row(0) == 1]
        assert answer == tuple(LABELS[i] for i in best)
    assert len({tag for answer in tags for tag in answer}) > 1


def test_answers_do_not_depend_on_the_batch(network):
    together = network.tags(SENTENCES)
    assert [network.tags([s])[0] for s in SOME] == together[:3]
    assert network.tags(SENTENCES, batch_size=3) == together
    assert network.tags([]) == []


def test_a_sentence_longer_than_the_network_gets_a_tag_a_word(network):
    words = tuple(word for s in SENTENCES[:12] for word in s.words)
    [tags] = network.tags([Sentence("long", words, "en")])
    assert len(tags) == len(words)
    assert len(network.pieces.encode([words])[0].values) > 2 * 96


def test_tags_of_people_are_not_looked_at(network):
    odd = [
        Sentence(s.example_id, s.words, s.lang, ("?",) * len(s.words))
        for s in SENTENCES
    ]
    assert network.tags(odd) == network.tags(SENTENCES)


@pytest.mark.parametrize("layer", [0, 1])
def test_signals_are_those_of_the_layer_that_is_asked_for(network, layer):
    encoded = network.encoded(SENTENCES)
    logits, hidden = network.signals(encoded.tokens, layer, batch_size=4)
    for row in (0, len(SENTENCES) - 1):
        ids = encoded.tokens.row(row)[None]
        mask = np.ones(ids.shape, bool)
        output = LABEL(network.params, network.config, ids, mask, layer=layer)
        np.testing.assert_allclose(logits.row(row), output.logits[0], atol=1e-5)
        np.testing.assert_allclose(hidden.row(row), output.hidden[0], atol=1e-5)
