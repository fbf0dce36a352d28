"""Per-element losses against optax and plain numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special

from epik_jax.objectives import terms

RNG = np.random.default_rng(0)
B, T, V = 3, 4, 7
LOGITS = (2 * RNG.normal(size=(B, T, V))).astype(np.float32)
LABELS = RNG.integers(0, V, (B, T)).astype(np.int32)
TEACHER = special.log_softmax(2 * RNG.normal(size=(B, T, V)), axis=-1)


def test_hard_ce_equals_optaxs():
    expected = optax.losses.softmax_cross_entropy_with_integer_labels(LOGITS, LABELS)
    np.testing.assert_allclose(terms.hard_ce(LOGITS, LABELS), expected, rtol=1e-5)


def test_smoothed_hard_ce_equals_optaxs_over_smoothed_labels():
    smooth = optax.losses.smooth_labels(jax.nn.one_hot(LABELS, V), 0.2)
    expected = optax.losses.softmax_cross_entropy(LOGITS, smooth)
    ours = terms.hard_ce(LOGITS, LABELS, smoothing=0.2)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_kl_equals_numpys_at_either_temperature(temperature):
    teacher = special.softmax(TEACHER / temperature, axis=-1)
    student = special.softmax(LOGITS.astype(np.float64) / temperature, axis=-1)
    expected = temperature**2 * special.rel_entr(teacher, student).sum(-1)
    ours = terms.soft_kl(LOGITS, TEACHER, temperature=temperature)
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


@pytest.mark.parametrize("shift", [0.0, 4.0])
def test_distances_of_answers_equal_numpys_whatever_is_added_to_the_logits(shift):
    logits, teacher = LOGITS.astype(np.float64), TEACHER + shift
    ours, theirs = (special.softmax(x, axis=-1) for x in (logits, teacher))
    for found, expected in (
        (terms.prob_mse(LOGITS, teacher), ((ours - theirs) ** 2).mean(-1)),
        (
            terms.log_prob_mse(LOGITS, teacher),
            ((np.log(ours) - np.log(theirs)) ** 2).mean(-1),
        ),
        (terms.soft_ce(LOGITS, teacher), -(theirs * np.log(ours)).sum(-1)),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("term", [terms.prob_mse, terms.soft_ce])
def test_a_sure_teacher_leaves_distances_and_gradients_finite(term):
    sure = np.array([[0.0, -1e4, -1e4]])
    logits = jnp.array([[60.0, -60.0, 0.0]])
    value, slope = jax.value_and_grad(lambda x: term(x, sure).sum())(logits)
    assert np.isfinite(value) and np.isfinite(slope).all()


def test_soft_kl_is_zero_where_the_student_agrees_and_forgets_the_logits_offset():
    shifted = TEACHER.astype(np.float32) + 5
    agreeing = terms.soft_kl(shifted, TEACHER, temperature=2.0)
    np.testing.assert_allclose(agreeing, 0, atol=1e-5)


def test_temperature_softens_the_gradient_but_keeps_its_size():
    def size(temperature):
        def total(logits):
            return terms.soft_kl(logits, TEACHER, temperature=temperature).sum()

        return float(jnp.linalg.norm(jax.grad(total)(LOGITS)))

    # Hinton et al. 2015, equation 4: at high temperatures the gradient is that of
    # (v - z) ** 2 / 2V over logits, whatever the temperature.
    assert size(50.0) == pytest.approx(size(100.0), rel=0.02)
    assert 0.2 < size(8.0) / size(1.0) < 5


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_what_a_teacher_rules_out_leaves_loss_and_gradient_finite(temperature):
    teacher = TEACHER.astype(np.float32).copy()
    teacher[..., 2:] = -1e7
    teacher[0, 0] = [0.0] + [-1e7] * (V - 1)

    def total(logits):
        return terms.soft_kl(logits, teacher, temperature=temperature).sum()

    value, gradient = jax.value_and_grad(total)(LOGITS)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    softened = special.softmax(teacher.astype(np.float64) / temperature, axis=-1)
    student = special.softmax(LOGITS.astype(np.float64) / temperature, axis=-1)
    np.testing.assert_allclose(
        gradient, temperature * (student - softened), rtol=1e-3, atol=1e-4
    )


def test_terms_compute_in_float32_whatever_comes_in():
    half, teacher = LOGITS.astype(jnp.bfloat16), TEACHER.astype(np.float16)
    hidden = RNG.normal(size=(B, T, 5)).astype(np.float16)
    for values in (
        terms.hard_ce(half, LABELS),
        terms.soft_kl(half, teacher, temperature=2.0),
        terms.hidden_mse(hidden, -hidden),
        terms.hidden_cosine(hidden, -hidden),
        terms.gate_ce(half[..., 0], LABELS > 3),
    ):
        assert values.dtype == jnp.float32 and values.shape == (B, T)


def test_hidden_mse_is_numpys_mean_over_the_width():
    student, teacher = RNG.normal(size=(2, B, T, 5)).astype(np.float32)
    expected = ((student - teacher) ** 2).mean(-1)
    np.testing.assert_allclose(terms.hidden_mse(student, teacher), expected, rtol=1e-5)


def test_hidden_cosine_is_one_minus_the_cosine_and_blind_to_length():
    student, teacher = RNG.normal(size=(2, B, T, 5)).astype(np.float32)
    lengths = np.linalg.norm(student, axis=-1) * np.linalg.norm(teacher, axis=-1)
    expected = 1 - (student * teacher).sum(-1) / lengths
    ours = terms.hidden_cosine(7 * student, teacher)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    np.testing.assert_allclose(terms.hidden_cosine(teacher, -teacher), 2, atol=1e-5)


def test_hidden_cosine_of_a_zero_state_has_a_finite_gradient():
    zero, teacher = np.zeros((1, 1, 5), np.float32), np.ones((1, 1, 5), np.float32)
    gradient = jax.grad(lambda s: terms.hidden_cosine(s, teacher).sum())(zero)
    assert np.isfinite(gradient).all()


def test_pooling_ignores_padding_and_survives_an_empty_row():
    hidden = RNG.normal(size=(B, T, 5)).astype(np.float32)
    mask = np.arange(T) < np.array([4, 2, 0])[:, None]
    hidden[1, 2:] = 1e6
    pooled = terms.pooled(hidden, mask)
    assert pooled.shape == (B, 1, 5)
    np.testing.assert_allclose(pooled[0, 0], hidden[0].mean(0), rtol=1e-5)
    np.testing.assert_allclose(pooled[1, 0], hidden[1, :2].mean(0), rtol=1e-5)
    np.testing.assert_array_equal(pooled[2], 0)


def test_a_nan_in_the_padding_leaks_into_neither_the_pooled_state_nor_its_gradient():
    hidden = RNG.normal(size=(B, T, 5)).astype(np.float32)
    mask = np.arange(T) < np.array([4, 2, 0])[:, None]
    hidden[~mask] = np.nan

    def total(states):
        return terms.pooled(states, mask).sum()

    value, gradient = jax.value_and_grad(total)(hidden)
    expected = hidden[0].mean(0).sum() + hidden[1, :2].mean(0).sum()
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient[1, :, 0], [0.5, 0.5, 0, 0])


def test_gate_ce_is_the_negative_log_likelihood_of_each_slot():
    active = LABELS > 3
    probs = special.expit(LOGITS[..., 0].astype(np.float64))
    expected = -np.log(np.where(active, probs, 1 - probs))
    np.testing.assert_allclose(
        terms.gate_ce(LOGITS[..., 0], active), expected, rtol=1e-4
    )


def test_hidden_kl_is_the_divergence_of_softmaxes():
    teacher, student = RNG.normal(size=(2, B, T, V))
    p, q = special.softmax(teacher, axis=-1), special.softmax(student, axis=-1)
    expected = special.rel_entr(p, q).sum(-1)
    np.testing.assert_allclose(terms.hidden_kl(student, teacher), expected, rtol=1e-4)


def test_clipped_kl_cuts_states_and_sums_over_features():
    """By hand, as Keras 2.2.4 computes it."""
    teacher = np.array([[[0.5, 2.0, -1.0]]], np.float32)
    student = np.array([[[0.25, 0.5, 0.1]]], np.float32)
    expected = 0.5 * np.log(2) + 1.0 * np.log(2) + 1e-7 * np.log(1e-7 / 0.1)
    found = terms.hidden_clipped_kl(student, teacher)
    np.testing.assert_allclose(found, [[expected]], rtol=1e-5)


def test_clipped_kl_leaves_a_negative_state_where_it_is():
    def total(student):
        return terms.hidden_clipped_kl(student, jnp.ones((1, 1, 2))).sum()

    gradient = jax.grad(total)(jnp.array([[[-0.5, 0.5]]]))
    np.testing.assert_allclose(gradient, [[[0.0, -2.0]]], rtol=1e-5)


def test_logit_mse_is_the_mean_over_classes():
    teacher = RNG.normal(size=(B, T, V)).astype(np.float32)
    expected = np.square(LOGITS - teacher).mean(-1)
    np.testing.assert_allclose(terms.logit_mse(LOGITS, teacher), expected, rtol=1e-5)
    assert terms.logit_mse(LOGITS[:, 0], teacher[:, 0]).shape == (B,)
