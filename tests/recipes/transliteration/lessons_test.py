"""What a student is taught: answers as targets, and signals that fit them."""

from __future__ import annotations

import dataclasses
import itertools
import logging

import jax
import numpy as np
import pytest
from toy_networks import VOCABULARY, ToyNetwork

from epik_jax.data.encode import encode
from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.caching import fill_cache
from epik_jax.recipes.transliteration import transfer
from epik_jax.recipes.transliteration.imitation import (
    ImitationConfig,
    make_objective,
    make_student_forward,
)
from epik_jax.recipes.transliteration.lessons import MIN_SHARE, Lessons
from epik_jax.recipes.transliteration.streams import BatchConfig
from epik_jax.recipes.transliteration.student import StageConfig
from epik_jax.recipes.transliteration.teaching import SMALL_FIELDS, in_order
from epik_jax.recipes.transliteration.transfer import TransferConfig
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers import placed
from epik_jax.teachers.forward import Network
from epik_jax.teachers.live import LiveSignals
from epik_jax.teachers.signals import TransliterationTeacher, Wanted
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

WORDS = [("hi", "कमल"), ("hi", "बल"), ("ta", "பால்"), ("kn", "ರಾಮ"), ("bn", "কমল")]
EXAMPLES = transfer.transfer_examples(WORDS)
MODEL = TransformerConfig(
    vocab_size=VOCABULARY.size,
    width=8,
    num_heads=2,
    feed_forward=16,
    encoder_layers=1,
    decoder_layers=1,
    dropout=0.0,
)


def stage(**changes):
    settings = {
        "name": "s",
        "data": ("transfer",),
        "imitation": ImitationConfig(),
        "batches": BatchConfig(batch_size=4, buckets=((12, 12),)),
        "optimizer": OptimizerConfig(),
        "loop": LoopConfig(1),
    }
    return StageConfig(**{**settings, **changes})


def teacher(wanted=Wanted(3), network=None):  # noqa: B008
    config = TransferConfig(pivot="teacher", beam_width=3, wanted=wanted)
    chain = transfer.two_stage_chain(network or ToyNetwork(), config, {})
    return TransliterationTeacher(chain, VOCABULARY, config.crowd, wanted)


def lessons(answering=None, gold=None):
    answering = answering or teacher()
    block = answering.block(EXAMPLES)
    answers = {name: block.arrays[name] for name in SMALL_FIELDS}
    signals = LiveSignals(answering, EXAMPLES, answers)
    return Lessons(VOCABULARY, EXAMPLES, answers, signals, gold or {})


def targets(encoded):
    return [
        VOCABULARY.decode(encoded.target.row(i).tolist()) for i in range(len(encoded))
    ]


def test_the_best_answer_becomes_the_only_target_of_weight_one():
    encoded = lessons().encoded(stage())
    best = [row[0].text for row in teacher().chain.transliterate(EXAMPLES)]
    assert targets(encoded) == best
    assert (encoded.weight == 1).all()
    assert (encoded.target.values[encoded.target.offsets[1:] - 1] == 2).all()
    plain = encode(EXAMPLES, VOCABULARY)
    np.testing.assert_array_equal(encoded.keys, plain.keys)
    np.testing.assert_array_equal(encoded.source.values, plain.source.values)


def test_all_answers_weigh_what_their_scores_say_and_no_example_over_one():
    taught = lessons()
    encoded = taught.encoded(stage(hypotheses="all"))
    answers = teacher().chain.transliterate(EXAMPLES)
    expected = []
    for example, row in zip(EXAMPLES, answers, strict=True):
        probs = np.exp([h.log_prob for h in row])
        for hypothesis, share in zip(row, probs / probs.sum(), strict=True):
            if share >= MIN_SHARE:
                expected.append((example.source, hypothesis.text, share))
    assert len(EXAMPLES) < len(expected) < 3 * len(EXAMPLES)
    assert targets(encoded) == [text for _, text, _ in expected]
    np.testing.assert_allclose(encoded.weight, [s for *_, s in expected], rtol=1e-4)
    for key in np.unique(encoded.keys):
        assert 1 - 3 * MIN_SHARE < encoded.weight[encoded.keys == key].sum() < 1 + 1e-6


@pytest.mark.parametrize("hypotheses", ["best", "all"])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_the_least_confident_share_is_left_out(hypotheses, share):
    taught = lessons()
    encoded = taught.encoded(stage(drop_share=share, hypotheses=hypotheses))
    confidence = np.asarray(taught.answers["confidence"])
    keys = encode(EXAMPLES, VOCABULARY).keys
    kept = np.isin(keys, encoded.keys)
    assert abs((~kept).sum() - share * len(EXAMPLES)) <= 1
    if share:
        assert confidence[~kept].max() < confidence[kept].min()


def test_answers_that_fit_no_bucket_are_left_out_with_a_warning(caplog):
    taught = lessons()
    small = BatchConfig(batch_size=4, buckets=((12, 5),))
    lengths = taught.encoded(stage()).target.lengths
    assert 0 < (lengths > 5).sum() < len(lengths)
    with caplog.at_level(logging.WARNING):
        encoded = taught.encoded(stage(batches=small))
    assert len(encoded) == (lengths <= 5).sum()
    assert encoded.target.lengths.max() <= 5
    assert f"{(lengths > 5).sum()} of {len(lengths)} transfer examples" in caplog.text
    next(taught.stream(encoded, stage(batches=small), MODEL)(0))


def test_settings_that_nothing_fits_are_refused():
    small = stage(batches=BatchConfig(4, ((2, 2),)))
    with pytest.raises(ValueError, match=r"stage s: no example fits \(2, 2\), the"):
        lessons().encoded(small)


def test_gold_that_fits_no_bucket_is_an_error_of_the_settings():
    gold = {"gold": [Example("x", "क" * 20, "hi", "en", ("k",))] * 8}
    taught, only = lessons(gold=gold), stage(data=("gold",))
    with pytest.raises(ValueError, match="does not fit the largest bucket"):
        taught.stream(taught.encoded(only), only, MODEL)


def test_several_kinds_of_examples_stand_in_one_corpus():
    gold = {
        "back": [Example("hi>bn:राम|rama", "राम", "hi", "bn", ("রাম",), "rama")],
        "gold": [Example("en>hi:bal", "bal", "en", "hi", ("बल",))] * 2,
    }
    encoded = lessons(gold=gold).encoded(stage(data=("transfer", "back", "gold")))
    assert len(encoded) == len(EXAMPLES) + 3
    assert targets(encoded)[-3:] == ["রাম", "बल", "बल"]
    assert list(encoded.groups) == sorted(encoded.groups)
    names = [encoded.groups[g] for g in encoded.group]
    assert names[-3:] == ["hi>bn", "en>hi", "en>hi"]
    assert names[: len(EXAMPLES)] == [
        f"{e.source_lang}>{e.target_lang}" for e in EXAMPLES
    ]


def test_a_kind_of_which_there_is_nothing_is_named():
    with pytest.raises(ValueError, match="stage s: there are no 'back' examples"):
        lessons().encoded(stage(data=("back",)))


def test_batches_without_signals_ask_no_teacher():
    network = ToyNetwork()
    taught = lessons(teacher(network=network))
    network.asked.clear()
    only = stage()
    batch = next(taught.stream(taught.encoded(only), only, MODEL)(0))
    assert "signals" not in batch and not network.asked


def test_signals_for_which_nobody_was_asked_are_missed_at_once():
    taught = dataclasses.replace(lessons(), signals=None)
    only = stage(imitation=ImitationConfig(soft_kl=0.5))
    with pytest.raises(ValueError, match=r"no teacher was asked for \('log_probs',\)"):
        taught.stream(taught.encoded(only), only, MODEL)


IMITATIONS = {
    "distributions and pooled states": (
        ImitationConfig(soft_kl=0.7, hidden=0.3, alignment="pooled"),
        Wanted(1, log_probs=True, hidden="pooled"),
    ),
    "states by position": (
        ImitationConfig(
            hard_ce=0.0, hidden=1.0, distance="mse", alignment="positional"
        ),
        Wanted(1, hidden="all", hidden_storage="int8"),
    ),
}


def both_ways(folder, wanted, network, num_pivots, known=None):
    """Lessons with a cache's signals, and with those of the teacher itself."""
    config = TransferConfig(
        pivot="teacher",
        num_pivots=num_pivots,
        pivot_beam=num_pivots,
        beam_width=num_pivots,
        wanted=wanted,
        num_shards=num_pivots,
    )
    chain = transfer.two_stage_chain(network, config, known or {})
    answering = TransliterationTeacher(chain, VOCABULARY, config.crowd, wanted)
    parts = transfer.fingerprint(answering, EXAMPLES, config, "n")
    cache = fill_cache(
        folder, answering, EXAMPLES, parts, config.num_shards, lambda: None
    )
    encoded = encode(EXAMPLES, VOCABULARY)
    answers = cache.join(encoded.keys, encoded.source_digest, SMALL_FIELDS)
    live = LiveSignals(answering, EXAMPLES, answers)
    return [Lessons(VOCABULARY, EXAMPLES, answers, s, {}) for s in (cache, live)]


@pytest.mark.parametrize("name", IMITATIONS)
def test_a_live_teacher_and_its_cache_give_the_same_batches(tmp_path, name):
    imitation, wanted = IMITATIONS[name]
    only = stage(imitation=imitation)
    pair = both_ways(tmp_path, wanted, ToyNetwork(), num_pivots=2)
    streams = [t.stream(t.encoded(only), only, MODEL)(0) for t in pair]
    for cached, live in itertools.islice(zip(*streams, strict=True), 4):
        signals = cached.pop("signals"), live.pop("signals")
        assert cached.keys() == live.keys()
        for field, array in cached.items():
            np.testing.assert_array_equal(array, live[field])
        np.testing.assert_array_equal(*(s.hidden_mask for s in signals))
        stored, exact = (s.hidden for s in signals)
        if wanted.log_probs:
            np.testing.assert_array_equal(*(s.log_probs for s in signals))
            np.testing.assert_array_equal(stored, exact)
        else:
            # Stored in eight bits, off by 1/254 of the largest entry of a row.
            bound = np.abs(exact).max(axis=-1, keepdims=True) / 254
            assert (np.abs(stored - exact) <= bound * 1.01).all()
            assert (stored != exact).any()


def test_a_live_network_and_its_cache_give_equal_losses(tmp_path, monkeypatch):
    monkeypatch.setattr(placed, "WIDTH_STEP", 32)
    imitation, wanted = IMITATIONS["distributions and pooled states"]
    params = initial.init_params(transformer.parameter_shapes(MODEL), 3)
    network = Network(params, MODEL, VOCABULARY)
    only = stage(imitation=imitation, batches=BatchConfig(4, ((12, 64),)))
    # Known pivots, so that the first link need not be compiled.
    known = {word: (Hypothesis(f"k{i}", 0.0),) for i, word in enumerate(WORDS)}
    pair = both_ways(tmp_path, wanted, network, num_pivots=1, known=known)
    student = initial.init_params(transformer.parameter_shapes(MODEL), 4)
    pass_forward = make_student_forward(MODEL, MODEL, imitation, VOCABULARY.pad_id)
    objective = make_objective(imitation)

    @jax.jit
    def loss(batch):
        return objective(pass_forward({"student": student}, batch, key=None), batch)[0]

    losses = [
        [
            float(loss(batch))
            for batch in itertools.islice(t.stream(t.encoded(only), only, MODEL)(0), 3)
        ]
        for t in pair
    ]
    assert len(set(losses[0])) > 1
    np.testing.assert_allclose(*losses, rtol=1e-6)


def test_a_resumed_stream_gives_the_same_batches():
    taught, only = lessons(), stage()
    stream = taught.stream(taught.encoded(only), only, MODEL)
    through = list(itertools.islice(stream(0), 7))
    for n, batch in enumerate(itertools.islice(stream(4), 3)):
        for field, array in batch.items():
            np.testing.assert_array_equal(array, through[4 + n][field])


def test_answers_are_joined_by_what_they_are_about_not_by_place(tmp_path):
    # The cache has them in its own order, the student's examples stand in another.
    config, answering = TransferConfig(pivot="teacher"), teacher()
    parts = transfer.fingerprint(answering, EXAMPLES, config, "n")
    cache = fill_cache(tmp_path, answering, EXAMPLES, parts, 2, lambda: None)
    for asked in (EXAMPLES, EXAMPLES[::-1]):
        answers = in_order(cache, asked, ToyNetwork())
        taught = Lessons(VOCABULARY, asked, answers, None, {})
        said = answering.chain.transliterate(asked)
        assert targets(taught.encoded(stage())) == [row[0].text for row in said]
