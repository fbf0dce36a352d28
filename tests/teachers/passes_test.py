"""One network over many devices answers as it does on one."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.parallel.mesh import make_mesh
from epik_jax.teachers import passes, placed
from epik_jax.teachers.forward import Decoding, Network
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import (
    CharacterVocabulary,
    encode_sources,
    encode_targets,
)
from epik_jax.text.wellformed import follow_table

VOCABULARY = CharacterVocabulary.from_languages(LANGUAGES)
CONFIG = TransformerConfig(
    vocab_size=VOCABULARY.size,
    width=16,
    num_heads=4,
    feed_forward=32,
    encoder_layers=1,
    decoder_layers=1,
    max_length=32,
    tied_output=False,
)
# Eleven rows: no mesh divides them, so that each has filler rows to drop.
WORDS = ("a", "ra", "ram", "krishna", "hyderabad", "ab", "vijayawada", "delhi", "goa")
WORDS += ("kochi", "ooty")
LANGS = [lang for _, lang in zip(WORDS, itertools.cycle(LANGUAGES[1:]))]
SOURCES = encode_sources(VOCABULARY, WORDS, LANGS)
TARGETS = encode_targets(VOCABULARY, WORDS[::-1])
MESHES = ((4, 2), (8, 1), (2, 4))
DECODINGS = {"greedy": Decoding(), "beam": Decoding(beam_width=3, num_hypotheses=3)}


@pytest.fixture(scope="module", autouse=True)
def one_width():
    """A padded length for all words: one shape to compile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placed, "WIDTH_STEP", 16)
        yield


@pytest.fixture(scope="module")
def alone():
    """A network with opinions, on one device."""
    params = initial.init_params(transformer.parameter_shapes(CONFIG), 0)
    kernel, bias = 3 * params["output"]["kernel"], params["output"]["bias"].copy()
    bias[VOCABULARY.eos_id] = 2.0
    params = {**params, "output": {"kernel": kernel, "bias": bias}}
    follow_LVV = np.stack([follow_table(VOCABULARY, lang) for lang in LANGUAGES])
    return Network(params, CONFIG, VOCABULARY, follow_LVV)


@pytest.fixture(scope="module", params=MESHES, ids=str)
def spread(request, alone):
    """The same network over a mesh."""
    return dataclasses.replace(alone, mesh=make_mesh(*request.param))


@pytest.mark.parametrize("name", DECODINGS)
def test_any_mesh_writes_what_one_device_writes(alone, spread, name):
    langs = np.array([LANGUAGES.index(lang) for lang in LANGS], np.int32)
    expected, found = (
        network.decode(SOURCES, langs, DECODINGS[name]) for network in (alone, spread)
    )
    assert len({row.tobytes() for row in expected.tokens[:, 0]}) > len(WORDS) // 2
    np.testing.assert_array_equal(found.tokens, expected.tokens)
    np.testing.assert_array_equal(found.lengths, expected.lengths)
    np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-4)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


def test_any_mesh_scores_and_encodes_as_one_device_does(alone, spread):
    expected, found = (n.log_probs(SOURCES, TARGETS) for n in (alone, spread))
    # Kept in sixteen bits, off by 1/2048 of themselves.
    np.testing.assert_allclose(found.values, expected.values, rtol=2e-3, atol=1e-4)
    expected, found = (n.hidden(SOURCES) for n in (alone, spread))
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)
    of_one = [n.attention(SOURCES, TARGETS) for n in (alone, spread)]
    np.testing.assert_allclose(*of_one, atol=1e-6)


def test_parameters_and_rows_lie_where_the_rules_say(spread):
    split = 2 * (spread.mesh.shape["model"] > 1)
    kernel = spread._placed.params["decoder"]["block_00"]["attention"]["query"][
        "kernel"
    ]
    assert kernel.sharding.spec == P(None, "model")
    assert kernel.addressable_shards[0].data.size * (split or 1) <= kernel.size
    rows = spread._placed.rows(np.ones((8, 16), np.int32), np.ones((8, 16), bool))
    states = passes.on_mesh(spread.mesh).hidden(spread._placed.params, *rows, CONFIG)
    assert states.sharding.spec == P("data")


def test_an_equal_mesh_is_compiled_for_once(spread, monkeypatch):
    spread.hidden(SOURCES)
    shape = spread.mesh.shape
    again = dataclasses.replace(spread, mesh=make_mesh(shape["data"], shape["model"]))
    monkeypatch.setattr(transformer, "encode", None)  # What is traced would need it.
    again.hidden(SOURCES)
