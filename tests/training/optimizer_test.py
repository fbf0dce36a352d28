"""The update rule: what decays, how the rate runs, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from epik_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule

PARAMS = {
    "student/attention/query/kernel": np.full((2, 3), 2.0, np.float32),
    "student/embedding": np.full((4, 2), 2.0, np.float32),
    "student/attention/query/bias": np.full(3, 2.0, np.float32),
    "student/norm/scale": np.full(3, 2.0, np.float32),
}


def _update(config, gradients, num_updates=1):
    optimizer = make_optimizer(config, num_steps=100)
    state = optimizer.init(PARAMS)

    @jax.jit
    def one(state):
        return optimizer.update(gradients, state, PARAMS)

    for _ in range(num_updates):
        updates, state = one(state)
    return updates, state


def test_decay_pulls_kernels_and_tables_towards_zero_and_nothing_else():
    config = OptimizerConfig(0.1, "constant", warmup_steps=0, weight_decay=0.5)
    zero = jax.tree.map(np.zeros_like, PARAMS)
    updates, _ = _update(config, zero)
    for path, update in updates.items():
        decayed = path.endswith(("kernel", "embedding"))
        np.testing.assert_allclose(update, -0.1 * 0.5 * 2.0 if decayed else 0.0)


def test_a_long_gradient_is_scaled_to_the_limit_before_the_moments():
    config = OptimizerConfig(0.1, warmup_steps=0, max_gradient_norm=0.5)
    gradients = jax.tree.map(lambda x: 1e3 * np.ones_like(x), PARAMS)
    _, state = _update(config, gradients)
    mu = optax.tree.get(state, "mu")
    squares = sum(np.square(leaf).sum() for leaf in mu.values())
    assert squares**0.5 / (1 - config.beta1) == pytest.approx(0.5, rel=1e-4)


def test_updates_that_are_not_finite_are_skipped_however_many_come():
    gradients = jax.tree.map(lambda x: np.nan * x, PARAMS)
    updates, state = _update(OptimizerConfig(), gradients, num_updates=60)
    assert all((update == 0).all() for update in updates.values())
    assert int(state.notfinite_count) == int(state.total_notfinite) == 60


@pytest.mark.parametrize(
    ("schedule", "end"),
    [
        ("cosine", 0.02),
        ("linear", 0.02),
        ("constant", 1.0),
        ("inverse_sqrt", (1 + 90 / 10) ** -0.5),
    ],
)
def test_the_rate_rises_to_its_peak_and_falls_to_its_end(schedule, end):
    config = OptimizerConfig(2e-3, schedule, warmup_steps=10, final_share=0.02)
    rates = np.asarray(jax.jit(make_schedule(config, num_steps=100))(jnp.arange(101)))
    np.testing.assert_allclose(rates[:11], 2e-3 * np.arange(11) / 10, rtol=1e-5)
    assert rates.argmax() == 10 and rates[100] == pytest.approx(2e-3 * end, rel=1e-4)
    assert (np.diff(rates[10:]) <= 1e-9).all()


def test_cosine_and_linear_are_halfway_at_half_time():
    for schedule in ("cosine", "linear"):
        config = OptimizerConfig(1.0, schedule, warmup_steps=0, final_share=0.0)
        assert make_schedule(config, 100)(50) == pytest.approx(0.5, abs=1e-6)


def test_a_warm_up_takes_no_more_than_half_of_a_short_stage():
    rate = make_schedule(OptimizerConfig(1.0, warmup_steps=500), num_steps=20)
    assert rate(10) == pytest.approx(1.0) and rate(5) == pytest.approx(0.5)


def test_warm_restarts_grow_longer_and_begin_lower():
    """The paper's: 50 epochs, then twice as long from 0.97 of the peak."""
    config = OptimizerConfig(
        1e-3, "sgdr", warmup_steps=0, final_share=1e-5, restart_period=50
    )
    rate = make_schedule(config, num_steps=400)
    for start, period, turn in ((0, 50, 0), (50, 100, 1), (150, 200, 2)):
        peak = 1e-3 * 0.97**turn
        assert rate(start) == pytest.approx(peak)
        half = peak * (0.5 + 0.5 * 1e-5)
        assert rate(start + period // 2) == pytest.approx(half, rel=1e-3)
        assert rate(start + period - 1) < 0.01 * peak
    # The last is cut off by the end of the stage.
    assert rate(399) == pytest.approx(1e-3 * 0.97**3 * (1 + np.cos(0.1225 * np.pi)) / 2)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"learning_rate": 0.0}, r"learning_rate 0\.0"),
        ({"learning_rate": float("inf")}, "learning_rate inf"),
        ({"schedule": "step"}, "'step'"),
        ({"max_gradient_norm": 0.0}, r"max_gradient_norm 0\.0 is not positive"),
        ({"warmup_steps": -5}, "warmup_steps is -5"),
        ({"final_share": -3.0}, r"final_share is -3\.0, expected 0\.0 to 1\.0"),
        ({"beta1": 1.5}, r"beta1 is 1\.5"),
        ({"beta2": 1.0}, r"beta2 is 1\.0, it has to be from 0 to below 1"),
        ({"schedule": "sgdr"}, "'sgdr' needs one"),
        ({"restart_period": 5}, "'sgdr' needs one, the others have none"),
        ({"restart_peak": 0.0}, r"restart_peak is 0\.0"),
    ],
)
def test_settings_that_cannot_train_are_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        OptimizerConfig(**changes)
