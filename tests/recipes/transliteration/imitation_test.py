"""What the terms of a stage compare, against the same worked out in numpy."""

from __future__ import annotations

import dataclasses
import math

import jax
import numpy as np
import pytest
import tiny

from epik_jax.ragged import Ragged
from epik_jax.recipes.transliteration.imitation import (
    ImitationConfig,
    make_objective,
    make_student_forward,
    padded_signal,
)
from epik_jax.structs import ModelOutput, TeacherSignal

POOLED = ImitationConfig(hard_ce=0.0, hidden=1.0, alignment="pooled")


def signal(width=16, length=6, rows=8, seed=0):
    """A teacher's states, of other lengths than the sources."""
    rng = np.random.default_rng(seed)
    mask = np.arange(length) < rng.integers(1, length + 1, rows)[:, None]
    hidden = rng.normal(size=(rows, length, width)).astype(np.float32)
    logs = rng.normal(size=(rows, 4, 13)).astype(np.float32)
    logs -= np.logaddexp.reduce(logs, axis=-1, keepdims=True)
    return TeacherSignal(hidden=hidden, hidden_mask=mask, log_probs=logs)


def outputs(length=5, seed=1, gate=False):
    rng = np.random.default_rng(seed)
    mask = np.arange(length) < rng.integers(1, length + 1, 8)[:, None]
    return ModelOutput(
        rng.normal(size=(8, 4, 13)).astype(np.float32),
        rng.normal(size=(8, length, 16)).astype(np.float32),
        mask,
        rng.normal(size=(8, length)).astype(np.float32) if gate else None,
    )


def measured(config, said, batch):
    _, means = make_objective(config)(said, batch)
    return {name: float(mean.value()) for name, mean in means.items()}


def weighted(values, mask, weight):
    scale = mask * weight[:, None]
    return (values * scale).sum() / scale.sum()


def test_pooled_states_are_compared_mean_by_mean():
    said, batch = outputs(), {**tiny.batch(), "signals": signal()}
    heard = batch["signals"]
    mine, theirs = (
        (h * m[..., None]).sum(axis=1) / m.sum(axis=1)[:, None]
        for h, m in ((said.hidden, said.hidden_mask), (heard.hidden, heard.hidden_mask))
    )
    norms = np.linalg.norm(mine, axis=1) * np.linalg.norm(theirs, axis=1)
    cosine = 1 - (mine * theirs).sum(axis=1) / norms
    expected = np.average(cosine, weights=batch["weight"])
    got = measured(POOLED, said, batch)
    assert got["hidden_cosine"] == pytest.approx(expected, rel=1e-5)
    squares = dataclasses.replace(POOLED, distance="mse")
    mse = np.average(((mine - theirs) ** 2).mean(axis=1), weights=batch["weight"])
    assert measured(squares, said, batch)["hidden_mse"] == pytest.approx(mse, rel=1e-5)


@pytest.mark.parametrize("alignment", ["positional", "slots"])
@pytest.mark.parametrize("lengths", [(5, 6), (6, 3)])
def test_states_are_compared_place_by_place_where_both_have_one(lengths, alignment):
    said = outputs(length=lengths[0])
    heard = signal(length=lengths[1])
    batch = {**tiny.batch(), "signals": heard}
    config = ImitationConfig(
        hard_ce=0.0, hidden=1.0, distance="mse", alignment=alignment
    )
    L = min(lengths)
    squares = ((said.hidden[:, :L] - heard.hidden[:, :L]) ** 2).mean(axis=-1)
    # All slots of a student are real, its places end with the word.
    both = heard.hidden_mask[:, :L]
    both = both if alignment == "slots" else both & said.hidden_mask[:, :L]
    if lengths[0] < lengths[1]:
        assert (both != heard.hidden_mask[:, :L]).any() == (alignment != "slots")
    expected = weighted(squares, both, batch["weight"])
    assert measured(config, said, batch)["hidden_mse"] == pytest.approx(expected)


def test_a_gate_is_told_which_slots_the_teacher_fills():
    said = outputs(length=8, gate=True)
    batch = {**tiny.batch(), "signals": signal(length=6)}
    config = ImitationConfig(
        hard_ce=0.0, hidden=1.0, distance="mse", alignment="slots", gate=0.5
    )
    active = np.pad(batch["signals"].hidden_mask, ((0, 0), (0, 2)))
    probs = 1 / (1 + np.exp(-said.gate_logits))
    losses = -np.log(np.where(active, probs, 1 - probs))
    expected = weighted(losses, np.ones(losses.shape), batch["weight"])
    assert measured(config, said, batch)["gate_ce"] == pytest.approx(expected, rel=1e-5)


def test_distributions_are_compared_at_the_labels_and_logged_at_temperature_1_too():
    said, batch = outputs(), {**tiny.batch(), "signals": signal()}
    config = ImitationConfig(hard_ce=0.0, soft_kl=1.0, temperature=2.0)

    def divergence(temperature):
        logs = [x / temperature for x in (batch["signals"].log_probs, said.logits)]
        p, q = (x - np.logaddexp.reduce(x, axis=-1, keepdims=True) for x in logs)
        values = temperature**2 * (np.exp(p) * (p - q)).sum(axis=-1)
        return weighted(values, batch["label_mask"], batch["weight"])

    got = measured(config, said, batch)
    assert got["soft_kl"] == pytest.approx(divergence(2.0), rel=1e-4)
    assert got["soft_kl_at_1"] == pytest.approx(divergence(1.0), rel=1e-4)
    loss, _ = make_objective(config)(said, batch)
    assert float(loss) == pytest.approx(divergence(2.0), rel=1e-4)


def test_terms_are_weighted_as_set_and_left_out_at_0():
    config = ImitationConfig(
        hard_ce=0.5, soft_kl=2.0, hidden=3.0, alignment="pooled", smoothing=0.1
    )
    assert {t.name: t.weight for t in make_objective(config).terms} == {
        "hard_ce": 0.5,
        "soft_kl": 2.0,
        "hidden_cosine": 3.0,
    }
    assert [t.name for t in make_objective(ImitationConfig()).terms] == ["hard_ce"]


def test_while_the_gate_is_learned_the_decoder_reads_the_teacher_s_slots():
    model = tiny.config(num_slots=6, dropout=0.0)
    params = {"student": tiny.params(model)}
    config = ImitationConfig(
        hard_ce=1.0, hidden=1.0, distance="mse", alignment="slots", gate=0.1
    )
    forward = jax.jit(
        make_student_forward(model, tiny.CONFIG, config, tiny.PAD),
        static_argnames="key",
    )
    batch = tiny.batch()
    first, second = (
        forward(params, {**batch, "signals": heard}, key=None).logits
        for heard in (signal(length=6), signal(length=6, seed=9))
    )
    assert (np.asarray(first) != np.asarray(second)).any()
    memory = tiny.encode(
        params["student"], model, batch["source"], batch["source_mask"]
    )
    active = signal(length=6).hidden_mask
    read = dataclasses.replace(memory, mask=active)
    expected = tiny.decode(params["student"], model, batch["target_in"], read).logits
    np.testing.assert_allclose(first, expected, atol=1e-5)


def test_signals_of_a_batch_are_padded_to_its_widths():
    logs = Ragged.from_lengths(np.ones((5, 3), np.float16), np.array([2, 3]))
    states = Ragged.from_lengths(np.ones((4, 2), np.float32), np.array([3, 1]))
    joined = {"log_probs": logs, "hidden": states}
    heard = padded_signal(joined, 6, tiny.config(max_length=8))
    assert heard.log_probs.shape == (2, 6, 3)
    assert heard.hidden.shape == (2, 8, 2)
    np.testing.assert_array_equal(heard.hidden_mask.sum(axis=1), [3, 1])
    slotted = padded_signal(joined, 6, tiny.config(max_length=8, num_slots=5))
    assert slotted.hidden.shape == (2, 5, 2)


def test_pooled_signals_are_one_state_a_row():
    heard = padded_signal({"hidden": np.ones((3, 2), np.float16)}, 6, tiny.CONFIG)
    assert heard.hidden.shape == (3, 1, 2) and heard.hidden_mask.all()
    assert heard.log_probs is None


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.0},
        {"hidden": 1.0},
        {"alignment": "pooled"},
        {"hidden": 1.0, "alignment": "pooled", "gate": 0.1},
        {"gate": 0.1},
    ],
    ids=str,
)
def test_terms_that_contradict_each_other_are_refused(settings):
    with pytest.raises(ValueError):
        ImitationConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hard_ce": 0.0}, "one of the weights .* must be above 0"),
        ({"hard_ce": -1.0}, "hard_ce is -1.0, expected 0 to"),
        ({"soft_kl": math.inf}, "soft_kl is inf, expected 0 to"),
        ({"hidden": math.nan, "alignment": "pooled"}, "hidden is nan, expected 0 to"),
    ],
)
def test_weights_that_train_nothing_or_anything_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ImitationConfig(**settings)
