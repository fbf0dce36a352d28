import numpy as np
import pytest
import scipy.stats

from epik_jax.evaluation import bootstrap, resampling
from epik_jax.evaluation.resampling import Ratio


def mean_of(values):
    return Ratio(np.asarray(values, float), np.ones(len(values)))


def test_interval_of_a_mean_equals_scipys():
    values = np.random.default_rng(3).gamma(2.0, size=300)
    ours = bootstrap.interval(mean_of(values), ["x"] * 300, num_resamples=8000)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=8000, method="percentile", rng=1
    ).confidence_interval
    spread = theirs.high - theirs.low
    assert ours.value == pytest.approx(values.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.04 * spread)
    assert ours.high == pytest.approx(theirs.high, abs=0.04 * spread)


def test_interval_of_a_ratio_equals_scipys():
    rng = np.random.default_rng(4)
    lengths = rng.integers(2, 12, 250).astype(float)
    edits = rng.binomial(lengths.astype(int), 0.3).astype(float)
    ours = bootstrap.interval(Ratio(edits, lengths), ["x"] * 250, num_resamples=8000)
    theirs = scipy.stats.bootstrap(
        (edits, lengths),
        lambda e, n, axis: e.sum(axis) / n.sum(axis),
        paired=True,
        n_resamples=8000,
        method="percentile",
        rng=2,
    ).confidence_interval
    spread = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.04 * spread)
    assert ours.high == pytest.approx(theirs.high, abs=0.04 * spread)


def test_macro_value_weighs_strata_and_not_rows():
    ratio = mean_of([1.0] * 90 + [0.0] * 10)
    strata = ["big"] * 90 + ["small"] * 10
    assert bootstrap.macro_value(ratio, strata) == 0.5


def test_resampling_stays_inside_strata():
    ratio = mean_of([1.0] * 90 + [0.0] * 10)
    strata = ["big"] * 90 + ["small"] * 10
    found = bootstrap.interval(ratio, strata)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)


def test_order_of_rows_between_strata_does_not_matter():
    rng = np.random.default_rng(0)
    values = rng.normal(size=60)
    strata = np.array(["a", "b"])[np.repeat([0, 1], 30)]
    mixed = np.argsort(np.tile(np.arange(30), 2), kind="stable")
    plain = bootstrap.interval(mean_of(values), strata)
    shuffled = bootstrap.interval(mean_of(values[mixed]), strata[mixed])
    bounds = [(i.value, i.low, i.high) for i in (shuffled, plain)]
    assert bounds[0] == pytest.approx(bounds[1])


def test_pairing_draws_the_same_rows_for_both_systems():
    rng = np.random.default_rng(5)
    hard = rng.normal(scale=10.0, size=200)
    better = hard + 0.1
    found = bootstrap.paired_interval(mean_of(better), mean_of(hard), ["x"] * 200)
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1)


def test_paired_interval_covers_the_truth_about_as_often_as_promised():
    rng = np.random.default_rng(6)
    hits = 0
    for trial in range(150):
        common = rng.normal(size=80)
        a = mean_of(common + rng.normal(0.2, 1.0, 80))
        b = mean_of(common + rng.normal(0.0, 1.0, 80))
        found = bootstrap.paired_interval(
            a, b, ["x"] * 80, num_resamples=400, seed=trial
        )
        hits += found.low <= 0.2 <= found.high
    assert 0.88 <= hits / 150 <= 0.99


def test_chunks_of_resamples_are_independent(monkeypatch):
    values = np.random.default_rng(7).normal(size=50)
    monkeypatch.setattr(resampling, "_MAX_DRAWS", 500)  # Ten resamples a chunk.
    chunked = bootstrap.interval(mean_of(values), ["x"] * 50, num_resamples=4000)
    monkeypatch.undo()
    whole = bootstrap.interval(mean_of(values), ["x"] * 50, num_resamples=4000)
    assert chunked.num_resamples == whole.num_resamples == 4000
    spread = whole.high - whole.low
    assert chunked.low == pytest.approx(whole.low, abs=0.06 * spread)
    assert chunked.high == pytest.approx(whole.high, abs=0.06 * spread)


def test_same_seed_gives_the_same_interval():
    ratio = mean_of(np.random.default_rng(8).normal(size=40))
    first = bootstrap.interval(ratio, ["x"] * 40, seed=1)
    assert first == bootstrap.interval(ratio, ["x"] * 40, seed=1)
    assert first != bootstrap.interval(ratio, ["x"] * 40, seed=2)


@pytest.mark.parametrize(
    ("low", "high", "higher", "verdict"),
    [
        (0.01, 0.02, True, "better"),
        (0.01, 0.02, False, "worse"),
        (-0.02, -0.01, True, "worse"),
        (-0.02, -0.01, False, "better"),
        (-0.01, 0.02, True, "inconclusive"),
        (0.0, 0.02, True, "inconclusive"),
        (1e-17, 0.02, True, "inconclusive"),
        (-0.02, -1e-17, True, "inconclusive"),
    ],
)
def test_verdict_needs_an_interval_off_zero(low, high, higher, verdict):
    found = bootstrap.Interval((low + high) / 2, low, high, 0.95, 100)
    assert found.verdict(higher_is_better=higher) == verdict


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="0 rows"):
        bootstrap.interval(mean_of([]), [])
    with pytest.raises(ValueError, match="3 strata"):
        bootstrap.interval(mean_of([1.0, 2.0]), ["x"] * 3)
    with pytest.raises(ValueError, match="rows against"):
        bootstrap.paired_interval(mean_of([1.0]), mean_of([1.0, 2.0]), ["x"])
    with pytest.raises(ValueError, match="level"):
        bootstrap.interval(mean_of([1.0]), ["x"], level=95)


def test_share_of_the_way_is_paired_and_exact_where_rows_go_along():
    # The system always goes three quarters of the way, whichever rows are drawn.
    start = np.random.default_rng(5).random(60)
    end = start + 1.0
    found = bootstrap.share_interval(
        mean_of(start + 0.75), mean_of(start), mean_of(end), ["x", "y"] * 30
    )
    assert (found.value, found.low, found.high) == pytest.approx((0.75,) * 3)


def test_share_of_the_way_is_that_of_the_means_over_strata():
    strata = ["x"] * 4 + ["y"]
    start, end = np.zeros(5), np.array([1.0, 1.0, 1.0, 1.0, 4.0])
    a = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    found = bootstrap.share_interval(mean_of(a), mean_of(start), mean_of(end), strata)
    assert found.value == pytest.approx(0.5 / 2.5)


def test_there_is_no_share_of_a_way_whose_ends_change_places():
    start, end = np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 1.5])
    same = mean_of(start)
    assert bootstrap.share_interval(same, same, mean_of(end), ["x"] * 4) is None
    assert bootstrap.share_interval(same, same, same, ["x"] * 4) is None
    with pytest.raises(ValueError, match="rows of"):
        bootstrap.share_interval(same, same, mean_of(end[:2]), ["x"] * 4)


def test_rows_of_one_cluster_are_drawn_together():
    # Twelve strata that hold the same forty words: nothing is learned by asking again.
    rng = np.random.default_rng(6)
    once = rng.random(40)
    strata = np.repeat(np.arange(12), 40)
    clusters = np.tile(np.arange(40), 12)
    values, ones = np.tile(once, 12), np.ones(480)
    alone = bootstrap.interval(mean_of(once), ["x"] * 40, num_resamples=4000)
    together = bootstrap.interval(
        Ratio(values, ones, clusters), strata, num_resamples=4000
    )
    apart = bootstrap.interval(Ratio(values, ones), strata, num_resamples=4000)
    width = alone.high - alone.low
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low == pytest.approx(width, rel=0.1)
    assert apart.high - apart.low < 0.4 * width


def test_clusters_inside_strata_keep_the_sizes_of_the_strata():
    # Each stratum is constant: only a draw that mixed them could vary.
    values = np.array([1.0] * 6 + [3.0] * 4)
    clusters = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    found = bootstrap.interval(
        Ratio(values, np.ones(10), clusters), ["x"] * 6 + ["y"] * 4, num_resamples=200
    )
    assert (found.low, found.value, found.high) == (2.0, 2.0, 2.0)


def runs_of(rng, common, *, better=0.0, seed_sd=0.05, count=3):
    """Columns of a system's runs, which differ by their seeds and by each row."""
    rows = common.shape
    return [
        mean_of(common + better + rng.normal(0, seed_sd) + rng.normal(0, 0.3, rows))
        for _ in range(count)
    ]


def summed(runs):
    """All runs as one system, as if their seeds were nothing that varies."""
    parts = ([getattr(r, n) for r in runs] for n in ("numerators", "denominators"))
    return Ratio(*(np.sum(columns, axis=0) for columns in parts))


def test_equal_systems_whose_runs_spread_are_seldom_called_different():
    # The mean of a run varies by 0.05 with its seed, and with its rows by 0.02.
    rng, trials = np.random.default_rng(9), 200
    told = {"seeds": 0, "summed": 0}
    for trial in range(trials):
        common = rng.normal(size=200)
        ours, theirs = (runs_of(rng, common) for _ in range(2))
        given = {"strata": ["x"] * 200, "num_resamples": 300, "seed": trial}
        found = {
            "seeds": bootstrap.seeds_interval(ours, theirs, **given),
            "summed": bootstrap.paired_interval(summed(ours), summed(theirs), **given),
        }
        for name, one in found.items():
            told[name] += one.verdict(higher_is_better=True) != "inconclusive"
    assert told["seeds"] / trials < 0.09
    assert told["summed"] / trials > 0.25


def test_a_difference_much_larger_than_the_spread_of_runs_is_seen():
    rng = np.random.default_rng(10)
    common, strata = rng.normal(size=200), np.array(["x", "y"] * 100)
    ours, theirs = runs_of(rng, common, better=0.5), runs_of(rng, common)
    found = bootstrap.seeds_interval(ours, theirs, strata)
    values = [[bootstrap.macro_value(r, strata) for r in x] for x in (ours, theirs)]
    assert found.value == pytest.approx(np.mean(values[0]) - np.mean(values[1]))
    assert found.low < found.value < found.high
    assert found.verdict(higher_is_better=True) == "better"
    other = bootstrap.seeds_interval(theirs, ours, strata)
    assert other.verdict(higher_is_better=True) == "worse"


def test_runs_that_do_not_spread_leave_the_interval_of_the_rows():
    rng = np.random.default_rng(11)
    one, other = mean_of(rng.normal(size=80)), mean_of(rng.normal(size=80))
    found = bootstrap.seeds_interval([one] * 3, [other] * 2, ["x"] * 80)
    rows = bootstrap.paired_interval(one, other, ["x"] * 80)
    assert (found.low, found.high) == pytest.approx((rows.low, rows.high))


def test_an_interval_of_runs_follows_from_its_seed():
    rng = np.random.default_rng(12)
    common = rng.normal(size=40)
    given = *(runs_of(rng, common) for _ in range(2)), ["x"] * 40
    first = bootstrap.seeds_interval(*given, seed=1)
    assert first == bootstrap.seeds_interval(*given, seed=1)
    assert first != bootstrap.seeds_interval(*given, seed=2)


def test_a_system_that_is_given_has_no_spread_of_runs():
    rng = np.random.default_rng(0)
    given = mean_of(rng.random(200))
    runs = [mean_of(rng.random(200)) for _ in range(3)]
    alone = bootstrap.seeds_interval(runs, [given], ["x"] * 200)
    twice = bootstrap.seeds_interval(runs, [given] * 2, ["x"] * 200)
    assert (alone.low, alone.high) == pytest.approx((twice.low, twice.high), abs=0.01)
    assert alone.value == twice.value


def test_runs_that_cannot_be_compared_are_refused():
    two = [mean_of([1.0, 2.0])] * 2
    for ours, theirs in ((two[:1], two), (two, [])):
        with pytest.raises(ValueError, match="fewer than two"):
            bootstrap.seeds_interval(ours, theirs, ["x"] * 2)
    with pytest.raises(ValueError, match="rows of"):
        bootstrap.seeds_interval(two, [two[0], mean_of([1.0])], ["x"] * 2)
