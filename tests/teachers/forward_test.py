"""One network asked in every way: alone, in batches, sorted or not, twice."""

from __future__ import annotations

import dataclasses
import itertools

import jax
import numpy as np
import pytest
import tiny

from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.ragged import Ragged
from epik_jax.structs import Example
from epik_jax.teachers import placed
from epik_jax.teachers.forward import Decoding, Network
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import CharacterVocabulary, encode_sources
from epik_jax.text.wellformed import follow_table, is_wellformed

VOCABULARY = CharacterVocabulary.from_languages(LANGUAGES)
CONFIG = TransformerConfig(
    vocab_size=VOCABULARY.size,
    width=16,
    num_heads=2,
    feed_forward=32,
    encoder_layers=1,
    decoder_layers=1,
    max_length=32,
    tied_output=False,
)
FOLLOW = np.stack([follow_table(VOCABULARY, lang) for lang in LANGUAGES])
WORDS = ("a", "ra", "ram", "krishna", "hyderabad", "ab", "vijayawada", "delhi")
EXAMPLES = [
    Example(f"en>{lang}:{word}", word, "en", lang)
    for word, lang in zip(WORDS, itertools.cycle(LANGUAGES[1:]))
]
BEAM = Decoding(beam_width=3, num_hypotheses=3)


def drawn(seed: int, ending: float = 0.0) -> dict:
    """Parameters of a network with opinions; `ending` is how gladly it ends."""
    params = initial.init_params(transformer.parameter_shapes(CONFIG), seed)
    kernel, bias = 3 * params["output"]["kernel"], params["output"]["bias"].copy()
    bias[VOCABULARY.eos_id] = ending
    return {**params, "output": {"kernel": kernel, "bias": bias}}


@pytest.fixture(scope="module", autouse=True)
def few_widths():
    """Padded lengths in steps of 8: half the shapes to compile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placed, "WIDTH_STEP", 8)
        yield


@pytest.fixture(scope="module")
def network():
    return Network(drawn(0, ending=2.0), CONFIG, VOCABULARY, FOLLOW)


@pytest.fixture(scope="module")
def free(network):
    return dataclasses.replace(network, follow_LVV=None)


def assert_same(answers, others):
    for row, other in zip(answers, others, strict=True):
        assert [h.text for h in row] == [h.text for h in other]
        np.testing.assert_allclose(
            [h.log_prob for h in row], [h.log_prob for h in other], atol=1e-3
        )


@pytest.mark.parametrize("decoding", [Decoding(), BEAM], ids=["greedy", "beam"])
def test_answers_do_not_depend_on_order_or_on_the_words_beside(network, decoding):
    answers = network.transliterate(EXAMPLES, decoding)
    assert len({row[0].text for row in answers}) > len(WORDS) // 2
    backwards = network.transliterate(EXAMPLES[::-1], decoding)
    assert_same(answers, backwards[::-1])
    alone = dataclasses.replace(decoding, batch_size=1)
    assert_same(answers, network.transliterate(EXAMPLES, alone))


def test_an_endless_answer_is_cut_by_its_own_source_not_by_the_batch(network):
    endless = dataclasses.replace(network, params=drawn(1, ending=-99.0))
    answers = endless.transliterate(EXAMPLES, Decoding())
    alone = endless.transliterate(EXAMPLES, Decoding(batch_size=1))
    assert_same(answers, alone)
    for example, row in zip(EXAMPLES, answers, strict=True):
        tokens = len(example.source) + 2
        assert len(row[0].text) in (-(-tokens // 8) * 8 + 7, -(-tokens // 8) * 8 + 8)


def test_no_answer_is_longer_than_what_the_network_reads(network):
    endless = dataclasses.replace(network, params=drawn(1, ending=-99.0))
    sources = encode_sources(VOCABULARY, ["a" * 29], ["hi"])
    decoded = endless.decode(sources, np.array([1], np.int32), Decoding())
    assert CONFIG.max_length - 4 < decoded.lengths.max() <= CONFIG.max_length - 2
    *letters, end = decoded.tokens[0, 0, : decoded.lengths[0, 0]].tolist()
    assert end == VOCABULARY.eos_id
    # A chain hands it on.
    again = encode_sources(VOCABULARY, [VOCABULARY.decode(letters)], ["en"])
    assert again.lengths.max() == len(letters) + 2 <= CONFIG.max_length
    endless.decode(again, np.array([0], np.int32), Decoding())


def test_no_words_get_no_answers(network):
    assert network.transliterate([], Decoding()) == []


def test_nothing_is_compiled_after_the_first_pass(network, monkeypatch):
    traced = []
    encode = transformer.encode
    monkeypatch.setattr(
        transformer, "encode", lambda *a, **k: traced.append(a) or encode(*a, **k)
    )
    words = encode_sources(VOCABULARY, WORDS[:4], ["hi"] * 4)
    other_words = encode_sources(VOCABULARY, ("b", "ki", "sit", "bellary"), ["ta"] * 4)
    targets, other_targets = Ragged.of([[30] * 5] * 4), Ragged.of([[31] * 6] * 4)

    def ask(examples, sources, targets):
        network.transliterate(examples, Decoding())
        network.log_probs(sources, targets)
        network.hidden(sources)

    ask(EXAMPLES[:4], words, targets)
    assert traced
    traced.clear()
    ask(EXAMPLES[3::-1], other_words, other_targets)
    assert not traced


@pytest.mark.parametrize("decoding", [Decoding(), BEAM], ids=["greedy", "beam"])
def test_log_probs_of_answers_are_those_along_them(free, decoding):
    decoding = dataclasses.replace(decoding, max_extra=16)
    sources = encode_sources(VOCABULARY, WORDS, [e.target_lang for e in EXAMPLES])
    langs = np.array([LANGUAGES.index(e.target_lang) for e in EXAMPLES], np.int32)
    decoded = free.decode(sources, langs, decoding)
    limit = decoded.lengths.max()
    found = {
        (i, n): decoded.tokens[i, n, :length].tolist()
        for (i, n), length in np.ndenumerate(decoded.lengths)
        # The end of one that was cut is not the network's own.
        if length < limit - 8
    }
    assert len({i for i, _ in found}) > 1
    assert {n for _, n in found} == {*range(decoding.num_hypotheses)}
    asked = [EXAMPLES[i] for i, _ in found]
    sources = encode_sources(
        VOCABULARY, [e.source for e in asked], [e.target_lang for e in asked]
    )
    along = free.log_probs(sources, Ragged.of([*found.values()]))
    for place, (answer, row) in enumerate(found.items()):
        said = along.row(place).astype(np.float32)
        picked = said[np.arange(len(row)), row]
        assert picked.sum() == pytest.approx(decoded.log_probs[answer], abs=0.02)
        if decoding.beam_width == 1:
            np.testing.assert_array_equal(said.argmax(axis=1), row)


def test_next_token_distributions_sum_to_one_and_match_the_transformer(free):
    sources = encode_sources(VOCABULARY, WORDS[:3], ["hi", "ta", "kn"])
    targets = Ragged.of([[12, 13, VOCABULARY.eos_id], [14], [15] * 7])
    rows = free.log_probs(sources, targets)
    np.testing.assert_array_equal(rows.lengths, [3, 1, 7])
    totals = np.logaddexp.reduce(rows.values.astype(np.float64), axis=1)
    np.testing.assert_allclose(totals, 0.0, atol=2e-2)
    params, source = free.params, sources.row(2)[None]
    mask = np.ones(source.shape, bool)
    begun = np.array([[VOCABULARY.bos_id] + [15] * 6], np.int32)
    memory = tiny.encode(params, CONFIG, source, mask)
    logits = tiny.decode(params, CONFIG, begun, memory).logits
    expected = jax.nn.log_softmax(logits, axis=-1)[0]
    np.testing.assert_allclose(rows.row(2), expected, rtol=2e-3, atol=2e-2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("decoding", [Decoding(), BEAM], ids=["greedy", "beam"])
def test_under_the_constraint_a_random_network_writes_words_of_the_script(
    network, decoding, seed
):
    other = dataclasses.replace(network, params=drawn(seed + 10))
    for example, row in zip(
        EXAMPLES, other.transliterate(EXAMPLES, decoding), strict=True
    ):
        for hypothesis in row:
            assert is_wellformed(hypothesis.text, example.target_lang), hypothesis


def test_without_the_constraint_it_does_not(free):
    answers = free.transliterate(EXAMPLES, Decoding(max_extra=16))
    assert not all(
        is_wellformed(row[0].text, e.target_lang)
        for e, row in zip(EXAMPLES, answers, strict=True)
    )


def test_several_answers_differ_and_come_best_first(network):
    for row in network.transliterate(EXAMPLES, BEAM):
        assert len({h.text for h in row}) == len(row) == 3
        log_probs = [h.log_prob for h in row]
        assert log_probs == sorted(log_probs, reverse=True)


def test_too_long_a_source_is_refused_with_its_length(network):
    example = Example("x", "a" * 31, "en", "hi")
    with pytest.raises(
        ValueError, match=r"source of 33 tokens .* the 32 that the network reads"
    ):
        network.transliterate([example], Decoding())
    network.transliterate([dataclasses.replace(example, source="a" * 30)], Decoding())


def test_hidden_states_are_the_encoders_one_row_a_token(network):
    sources = encode_sources(VOCABULARY, WORDS, ["bn"] * len(WORDS))
    states = network.hidden(sources, batch_size=4)
    assert states.values.shape == (int(sources.lengths.sum()), CONFIG.width)
    for i in (2, 7):
        row = sources.row(i)[None]
        mask = np.ones(row.shape, bool)
        memory = tiny.encode(network.params, CONFIG, row, mask)
        np.testing.assert_allclose(states.row(i), memory.hidden[0], atol=1e-4)


def test_a_network_with_slots_has_no_hidden_state_for_a_token(network):
    slotted = dataclasses.replace(CONFIG, num_slots=16)
    other = dataclasses.replace(network, config=slotted)
    with pytest.raises(ValueError, match="slots"):
        other.hidden(encode_sources(VOCABULARY, ["a"], ["hi"]))


def test_slots_are_those_of_each_word_alone_and_as_the_gate_says():
    config = dataclasses.replace(CONFIG, num_slots=24)
    params = initial.init_params(transformer.parameter_shapes(config), 5)
    slotted = Network(params, config, VOCABULARY)
    sources = encode_sources(VOCABULARY, WORDS, ["bn"] * len(WORDS))
    hidden, kept = slotted.slots(sources, batch_size=4)
    assert hidden.shape == (len(WORDS), 24, CONFIG.width)
    for i in (2, 7):
        row = sources.row(i)[None]
        memory = tiny.encode(params, config, row, np.ones(row.shape, bool))
        np.testing.assert_allclose(hidden[i], memory.hidden[0], atol=1e-4)
        np.testing.assert_array_equal(kept[i], memory.mask[0])
    assert 0 < kept.sum() < kept.size


def test_attention_is_a_distribution_over_the_source_at_every_target_token(network):
    source = encode_sources(VOCABULARY, ["delhi"], ["hi"])
    target = Ragged.of([[40, 41, 42, VOCABULARY.eos_id]])
    weights = network.attention(source, target)
    assert weights.shape == (4, 7)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-5)
    # What is written later cannot have been looked at earlier.
    other = network.attention(source, Ragged.of([[40, 41, 50, VOCABULARY.eos_id]]))
    np.testing.assert_allclose(weights[:3], other[:3], atol=1e-6)
    assert np.abs(weights[3] - other[3]).max() > 1e-6


def test_a_beam_that_memory_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="beam_width is 100000, expected 1 to 64"):
        Decoding(beam_width=100_000)
    with pytest.raises(ValueError, match="num_hypotheses is 3, expected 1 to 2"):
        Decoding(beam_width=2, num_hypotheses=3)


def test_labels_of_decodings_tell_greedy_from_beams_and_penalties():
    assert (Decoding().label, BEAM.label) == ("greedy", "beam-3")
    assert dataclasses.replace(BEAM, length_penalty=0.6).label == "beam-3-lp-0.6"
    assert Decoding(length_penalty=0.6).label == "greedy"
