"""Claims about which rows make batch n."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.data.order import Order, assign_buckets, evaluation_batches

UNHURRIED = settings(deadline=None)  # other work may share the machine

BUCKETS = ((4, 4), (8, 6), (8, 10))
PINNED = [
    ([20, 29, 22, 23], (8, 10)),
    ([0, 18, 1, 9], (4, 4)),
    ([21, 20, 15, 22], (8, 10)),
]


@dataclasses.dataclass(frozen=True)
class Corpus:
    sources: np.ndarray
    targets: np.ndarray
    group: np.ndarray

    def order(self, **settings: Any) -> Order:
        merged: dict[str, Any] = {
            "batch_size": 4,
            "seed": 0,
            "buckets": BUCKETS,
        } | settings
        return Order(self.sources, self.targets, self.group, **merged)


def draw_corpus(seed: int, count: int, groups: int = 1) -> Corpus:
    rng = np.random.default_rng(seed)
    return Corpus(
        rng.integers(1, 9, count),
        rng.integers(0, 11, count),
        rng.integers(0, groups, count),
    )


corpora = st.builds(
    draw_corpus, st.integers(0, 9), st.integers(5, 60), st.integers(1, 4)
)
orders = st.builds(
    lambda corpus, batch_size, seed, temperature: (
        corpus,
        {
            "batch_size": batch_size,
            "seed": seed,
            "group_temperature": temperature,
        },
    ),
    corpora,
    st.integers(1, 5),
    st.integers(0, 3),
    st.sampled_from([0.5, 1.0, 3.0, np.inf]),
).filter(
    # An epoch has whole batches only, and each group wants a draw of it.
    lambda case: (
        len(case[0].group) // case[1]["batch_size"] * case[1]["batch_size"]
        >= len(np.unique(case[0].group))
    )
)


def epoch_rows(order: Order, epoch: int) -> np.ndarray:
    first = epoch * order.num_batches_per_epoch
    steps = range(first, first + order.num_batches_per_epoch)
    return np.concatenate([order.rows(n)[0] for n in steps])


@UNHURRIED
@given(orders, st.integers(0, 200))
def test_every_batch_is_full_and_fits_its_bucket(case: Any, n: int) -> None:
    corpus, settings_ = case
    rows, (width_S, width_T) = corpus.order(**settings_).rows(n)
    assert rows.shape == (settings_["batch_size"],)
    assert rows.dtype == np.int64
    assert (width_S, width_T) in BUCKETS
    assert corpus.sources[rows].max() <= width_S
    assert corpus.targets[rows].max() <= width_T


@UNHURRIED
@given(orders, st.lists(st.integers(0, 100), min_size=1, max_size=6))
def test_a_batch_depends_on_seed_and_number_alone(case: Any, steps: list[int]) -> None:
    corpus, settings_ = case
    used = corpus.order(**settings_)
    for n in steps:
        rows, bucket = used.rows(n)
        fresh_rows, fresh_bucket = corpus.order(**settings_).rows(n)
        np.testing.assert_array_equal(rows, fresh_rows)
        assert bucket == fresh_bucket


@UNHURRIED
@given(orders, st.integers(0, 5))
def test_no_example_is_drawn_more_often_than_its_group_must(
    case: Any, epoch: int
) -> None:
    corpus, settings_ = case
    order = corpus.order(**settings_)
    drawn = Counter(epoch_rows(order, epoch).tolist())
    for row, times in drawn.items():
        group = corpus.group[row]
        size = int((corpus.group == group).sum())
        assert times <= -(-int(order.quotas[group]) // size)


@UNHURRIED
@given(orders, st.integers(1, 4))
def test_draws_within_a_group_stay_even_across_epochs(case: Any, epochs: int) -> None:
    corpus, settings_ = case
    order = corpus.order(**settings_)
    drawn = np.zeros(len(corpus.group), np.int64)
    for epoch in range(epochs):
        np.add.at(drawn, epoch_rows(order, epoch), 1)
    for group in np.unique(corpus.group):
        assert np.ptp(drawn[corpus.group == group]) <= 1
        assert drawn[corpus.group == group].sum() == epochs * order.quotas[group]


@UNHURRIED
@given(corpora, st.integers(1, 5))
def test_an_epoch_at_temperature_one_is_a_permutation_less_the_odd_rows(
    corpus: Corpus, batch_size: int
) -> None:
    order = corpus.order(batch_size=batch_size)
    rows = epoch_rows(order, 0)
    assert order.num_batches_per_epoch == len(corpus.group) // batch_size
    assert len(rows) == order.num_batches_per_epoch * batch_size
    if len(corpus.group) % batch_size == 0:
        np.testing.assert_array_equal(np.sort(rows), np.arange(len(corpus.group)))


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0, np.inf])
def test_group_shares_follow_the_temperature(temperature: float) -> None:
    group = np.repeat([0, 1, 2], [8000, 1500, 500])
    lengths = np.ones(len(group), np.int64)
    order = Corpus(lengths, lengths, group).order(
        batch_size=10, group_temperature=temperature
    )
    counts = np.bincount(group)
    wanted = counts ** (1 / temperature) / (counts ** (1 / temperature)).sum()
    found = np.bincount(group[epoch_rows(order, 2)]) / len(group)
    np.testing.assert_allclose(found, wanted, atol=1.5 / len(group))


def test_the_smallest_group_is_never_left_out_for_good() -> None:
    group = np.array([0] * 1000 + [1])
    lengths = np.ones(len(group), np.int64)
    order = Corpus(lengths, lengths, group).order(batch_size=10, group_temperature=0.5)
    assert order.quotas.tolist() == [999, 1]
    assert 1000 in epoch_rows(order, 0)


def test_an_epoch_too_short_for_every_group_is_refused() -> None:
    corpus = Corpus(np.ones(5, int), np.ones(5, int), np.array([0, 1, 2, 3, 3]))
    with pytest.raises(ValueError, match="3 draws an epoch do not reach 4 groups"):
        corpus.order(batch_size=3)


@UNHURRIED
@given(corpora, st.integers(1, 5), st.integers(0, 3))
def test_left_over_rows_move_up_and_only_they(
    corpus: Corpus, batch_size: int, seed: int
) -> None:
    order = corpus.order(batch_size=batch_size, seed=seed)
    natural = assign_buckets(corpus.sources, corpus.targets, BUCKETS)
    batches = [order.rows(n) for n in range(order.num_batches_per_epoch)]
    drawn = Counter(natural[np.concatenate([rows for rows, _ in batches])].tolist())
    moved, wanted = 0, {}
    for bucket in range(len(BUCKETS)):
        wanted[BUCKETS[bucket]], moved = divmod(moved + drawn[bucket], batch_size)
    assert moved == 0
    assert Counter(shape for _, shape in batches) == Counter(wanted)


def test_seeds_and_epochs_differ_and_the_order_of_shapes_is_mixed() -> None:
    corpus = draw_corpus(0, 400)
    order = corpus.order()
    assert epoch_rows(order, 0).tolist() != epoch_rows(order, 1).tolist()
    assert epoch_rows(order, 0).tolist() != epoch_rows(corpus.order(seed=1), 0).tolist()
    shapes = [order.rows(n)[1] for n in range(order.num_batches_per_epoch)]
    assert shapes != sorted(shapes)
    assert shapes != sorted(shapes, reverse=True)


def test_the_order_is_pinned() -> None:
    """A change here makes every interrupted run resume on other batches."""
    lengths = np.arange(30) % 8 + 1
    order = Corpus(lengths, lengths, np.arange(30) // 20).order(
        seed=5, group_temperature=2.0
    )
    found = [order.rows(n) for n in (0, 7, 4000)]
    assert [(rows.tolist(), shape) for rows, shape in found] == PINNED


def test_groups_of_one_size_are_walked_in_orders_of_their_own() -> None:
    """As float64, in which numpy reads a list of large keys, these keys are one."""
    lengths = np.ones(200, np.int64)
    group = np.repeat([0, 1, 2], [40, 40, 120])
    order = Corpus(lengths, lengths, group).order(group_temperature=0.5)
    rows = epoch_rows(order, 0)
    first, second = (set((rows[group[rows] == g] - 40 * g).tolist()) for g in (0, 1))
    assert len(first) == len(second) < 40
    assert first != second


def test_neighbouring_large_seeds_differ() -> None:
    corpus, seed = draw_corpus(0, 100), 2**64 - 1
    rows = [epoch_rows(corpus.order(seed=s), 0).tolist() for s in (seed, seed - 1)]
    assert rows[0] != rows[1]


def test_a_batch_cannot_be_written_to() -> None:
    rows, _ = draw_corpus(0, 20).order().rows(0)
    with pytest.raises(ValueError, match="read-only"):
        rows[0] = 0


def test_the_first_row_that_fits_no_bucket_is_named() -> None:
    lengths = np.array([1, 8, 9, 1])
    with pytest.raises(ValueError, match=r"row 1 has lengths \(8, 11\).*\(8, 10\)"):
        assign_buckets(lengths, np.array([1, 11, 1, 12]), BUCKETS)
    with pytest.raises(ValueError, match=r"row 2 has lengths \(9, 1\)"):
        Corpus(lengths, np.ones(4, np.int64), np.zeros(4, np.int64)).order()


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"batch_size": 0}, "batch_size 0"),
        ({"batch_size": 21}, "batch_size 21 must be from 1 to 20 rows"),
        ({"seed": -1}, "seed -1"),
        ({"seed": 2**64}, "seed 18446744073709551616 must be from 0"),
        ({"group_temperature": 0.0}, r"group_temperature 0\.0"),
        ({"group_temperature": float("nan")}, "group_temperature nan"),
        ({"buckets": ()}, "buckets must rise"),
        ({"buckets": ((8, 10), (16, 8))}, "buckets must rise"),
    ],
)
def test_settings_out_of_range_are_refused(
    settings_: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draw_corpus(0, 20).order(**settings_)


def test_a_negative_batch_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no batch -1"):
        draw_corpus(0, 20).order().rows(-1)


@UNHURRIED
@given(corpora, st.integers(1, 70))
def test_evaluation_covers_every_row_exactly_once_in_rising_shapes(
    corpus: Corpus, batch_size: int
) -> None:
    batches = list(
        evaluation_batches(
            corpus.sources, corpus.targets, batch_size=batch_size, buckets=BUCKETS
        )
    )
    covered = np.concatenate([rows[mask] for rows, mask, _ in batches])
    np.testing.assert_array_equal(np.sort(covered), np.arange(len(corpus.group)))
    assert [len(rows) for rows, _, _ in batches] == [batch_size] * len(batches)
    assert all(mask.all() for _, mask, _ in batches[:-1])
    shapes = [shape for _, _, shape in batches]
    assert shapes == sorted(shapes)
    for rows, _, (width_S, width_T) in batches:
        assert corpus.sources[rows].max() <= width_S
        assert corpus.targets[rows].max() <= width_T


def test_evaluation_is_ordered_by_length() -> None:
    lengths = np.array([7, 1, 5, 2, 8, 3])
    batches = evaluation_batches(
        lengths, np.zeros(6, np.int64), batch_size=4, buckets=BUCKETS
    )
    assert [(rows.tolist(), mask.tolist(), shape) for rows, mask, shape in batches] == [
        ([1, 3, 5, 2], [True] * 4, (8, 6)),
        ([0, 4, 4, 4], [True, True, False, False], (8, 6)),
    ]


def test_nothing_to_evaluate_gives_no_batches() -> None:
    none = np.zeros(0, np.int64)
    assert list(evaluation_batches(none, none, batch_size=4, buckets=BUCKETS)) == []
