"""Voices count as the settings say, and where nobody spoke nothing is learnt."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest

from epik_jax.objectives import terms
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.scoring.signals import Voices
from epik_jax.recipes.scoring.soft import Heard, soft_term, voice_shapes, voice_weights
from epik_jax.recipes.scoring.student_config import SoftConfig

RNG = np.random.default_rng(0)
N, M, C = 4, 3, 2
SAID = RNG.normal(0, 2, (N, M, C)).astype(np.float32)
VOICES = Voices(SAID, RNG.random((N, M)) < 0.7)
LOGITS = RNG.normal(0, 1, (N, M + 1, C)).astype(np.float32)
FIGURES = (0.5, 0.7, 0.8)


def loss(soft, logits=LOGITS, voices=VOICES, variances=None):
    batch = {
        "voices": voices.logits,
        "asked": voices.asked,
        "voice_weights": voice_weights(soft, voices, FIGURES),
        "weight": np.ones(N, np.float32),
    }
    return Objective((soft_term(soft),))(Heard(logits, variances), batch)[0]


@pytest.mark.parametrize(
    ("settings", "term"),
    [
        ({}, terms.prob_mse),
        ({"space": "logit"}, terms.logit_mse),
        ({"space": "log_prob"}, terms.log_prob_mse),
        ({"loss": "ce"}, terms.soft_ce),
    ],
)
def test_the_loss_is_the_mean_over_all_voices_that_spoke(settings, term):
    values = np.asarray(term(LOGITS[:, 1:], VOICES.logits))
    expected = values[VOICES.asked].mean()
    assert float(loss(SoftConfig(**settings))) == pytest.approx(expected, rel=1e-5)


def test_kl_is_softened_by_its_temperature_and_forgets_what_is_added_to_logits():
    hot, cold = (SoftConfig(loss="kl", temperature=t) for t in (4.0, 1.0))
    assert abs(float(loss(hot)) - float(loss(cold))) > 1e-3
    moved = Voices(VOICES.logits + 7, VOICES.asked)
    assert float(loss(hot, voices=moved)) == pytest.approx(float(loss(hot)), rel=1e-4)


def test_where_nobody_was_asked_and_at_people_s_header_nothing_is_learnt():
    slopes = np.asarray(jax.grad(lambda x: loss(SoftConfig(), x))(LOGITS))
    assert not slopes[:, 0].any()
    assert (abs(slopes[:, 1:]).max(-1) > 0).tolist() == VOICES.asked.tolist()


def test_weights_have_mean_one_over_those_asked_and_follow_the_settings():
    def of(**settings):
        return voice_weights(SoftConfig(**settings), VOICES, FIGURES)

    known = {
        "equal": of(),
        "fixed": of(weighing="fixed", weights=(1.0, 2.0, 3.0)),
        "accuracy": of(weighing="accuracy"),
        "confidence": of(weighing="confidence"),
    }
    count = VOICES.asked.sum(1)
    for name, weights in known.items():
        assert not weights[~VOICES.asked].any(), name
        np.testing.assert_allclose(weights.sum(1), count, rtol=1e-5)
    row = int(np.flatnonzero(VOICES.asked.all(1))[0])
    assert known["equal"][row].tolist() == [1, 1, 1]
    np.testing.assert_allclose(known["fixed"][row], [0.5, 1.0, 1.5], rtol=1e-5)
    assert np.argsort(known["accuracy"][row]).tolist() == [0, 1, 2]
    whole = np.exp(VOICES.logits[row])
    sure = (whole / whole.sum(-1, keepdims=True)).max(-1)
    np.testing.assert_allclose(
        known["confidence"][row], 3 * sure / sure.sum(), rtol=1e-4
    )


def test_a_voice_that_is_hard_to_learn_comes_to_count_less():
    """Trained as a student's own parameters are, weights of voices part."""
    soft = SoftConfig(weighing="learned")
    assert voice_shapes(soft, M)["bridge"]["voices"]["log_variance"].shape == (M,)
    far = VOICES.logits.copy()
    far[:, 2] = -40 * LOGITS[:, 3]
    voices = Voices(far, np.ones((N, M), bool))
    hard = np.zeros(M, np.float32)
    plain = float(loss(SoftConfig(), voices=voices))
    assert float(loss(soft, voices=voices, variances=hard)) == pytest.approx(plain)
    update = optax.adam(5e-4)
    state = update.init(hard)
    slope = jax.jit(jax.grad(lambda s: loss(soft, voices=voices, variances=s)))
    for _ in range(400):
        moved, state = update.update(slope(hard), state)
        hard = optax.apply_updates(hard, moved)
    each = np.asarray(terms.prob_mse(LOGITS[:, 1:], far)).mean(axis=0)
    shares = each**-1 / (each**-1).sum() * M
    weighed = float(loss(soft, voices=voices, variances=hard))
    assert weighed == pytest.approx(float((shares * each).mean()), rel=0.05)
    assert weighed < 0.9 * plain


def test_learnt_weights_leave_a_student_the_slopes_of_its_weighed_losses():
    soft = SoftConfig(weighing="learned")
    voices = Voices(VOICES.logits, np.ones((N, M), bool))
    even = jax.grad(lambda x: loss(SoftConfig(), x, voices))(LOGITS)
    hard = np.zeros(M, np.float32)
    mine = jax.grad(lambda x: loss(soft, x, voices, hard))(LOGITS)
    np.testing.assert_allclose(mine, even, atol=1e-7)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"loss": "kl", "space": "logit"}, "of space 'prob' alone"),
        ({"temperature": 2.0}, "of loss 'kl' alone"),
        ({"weighing": "fixed"}, "'fixed' needs them"),
        ({"weights": (1.0,)}, "others have none"),
        ({"weighing": "fixed", "weights": (0.0, 1.0)}, "not all above 0"),
        ({"ratio": 1.5}, "ratio is 1.5"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        SoftConfig(**settings)


def test_weights_of_another_crowd_are_refused():
    soft = SoftConfig(weighing="fixed", weights=(1.0, 2.0))
    with pytest.raises(ValueError, match="not one for each of 3 voices"):
        voice_weights(soft, VOICES, FIGURES)
