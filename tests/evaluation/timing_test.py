import types

import pytest

from epik_jax.evaluation import timing


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def worker(clock, log, name, seconds):
    def predict(words):
        log.append((name, tuple(words)))
        clock.now += next(seconds) if hasattr(seconds, "__next__") else seconds
        return list(words)

    return predict


def test_warm_up_is_not_in_the_figures():
    clock = Clock()
    first_is_slow = iter([100.0, 100.0] + [0.5] * 100)
    predict = worker(clock, [], "a", first_is_slow)
    found = timing.time_predictors(
        {"a": predict}, list("abcd"), batch_sizes=(2,), repeats=3, clock=clock
    ).systems["a"][0]
    assert found.num_batches == 6
    assert found.mean_ms == pytest.approx(500.0)
    assert found.words_per_second == pytest.approx(4.0)


def test_predictors_get_identical_full_batches_and_take_turns():
    clock, log = Clock(), []
    predictors = {n: worker(clock, log, n, 1.0) for n in ("chain", "student")}
    timing.time_predictors(
        predictors, list("abc"), batch_sizes=(2,), repeats=2, clock=clock
    )
    batches = [("a", "b"), ("c", "a")]
    passes = [(n, b) for n in ("chain", "student") for b in batches]
    assert log == passes * 3


def test_percentiles_are_of_single_calls():
    clock = Clock()
    times = iter([0.0] * 10 + [i / 1000 for i in range(1, 11)])
    predict = worker(clock, [], "a", times)
    found = timing.time_predictors(
        {"a": predict}, list("abcdefghij"), batch_sizes=(1,), repeats=1, clock=clock
    ).systems["a"][0]
    assert found.p50_ms == pytest.approx(5.5)
    assert found.p95_ms == pytest.approx(9.55)


def test_a_pass_is_limited_and_each_size_says_how_many_words_it_saw():
    clock, log = Clock(), []
    words = [f"word{i}" for i in range(100)]
    found = timing.time_predictors(
        {"a": worker(clock, log, "a", 1.0)},
        words,
        batch_sizes=(1, 30, 256),
        repeats=1,
        clock=clock,
    )
    seen = [{w for _, batch in log if len(batch) == n for w in batch} for n in (1, 30)]
    assert seen == [set(words[:64]), set(words)]
    assert len(log) == 2 * (64 + 4 + 1)
    assert [t.num_words for t in found.systems["a"]] == [64, 100, 100]
    assert found.num_words == 100


def test_half_the_time_is_a_reduction_of_fifty_percent():
    clock = Clock()
    found = timing.time_predictors(
        {
            "student": worker(clock, [], "s", 1.0),
            "chain": worker(clock, [], "c", 2.0),
        },
        list("ab"),
        batch_sizes=(1, 2),
        clock=clock,
    )
    reduction = timing.reduction_percent(
        found.systems["student"], found.systems["chain"]
    )
    assert reduction == pytest.approx({1: 50.0, 2: 50.0})
    with pytest.raises(ValueError, match="timed at"):
        timing.reduction_percent(found.systems["student"][:1], found.systems["chain"])


def test_predictor_that_swallows_words_is_refused():
    with pytest.raises(ValueError, match="lazy: 1 answers to 2 words"):
        timing.time_predictors(
            {"lazy": lambda words: words[:1]}, list("ab"), batch_sizes=(2,)
        )
    with pytest.raises(ValueError, match="no words"):
        timing.time_predictors({}, [])


def test_a_processor_is_named_with_the_cores_that_may_be_used(monkeypatch, tmp_path):
    table = tmp_path / "cpuinfo"
    monkeypatch.setattr(timing, "_PROCESSORS", table)
    monkeypatch.setattr(
        timing.os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False
    )
    assert timing.device_name() == "CPU, 3 cores"
    table.write_text(
        "processor\t: 0\nmodel name\t: Abacus: 9 beads @ 1 Hz\nflags\t: x\n"
    )
    assert timing.device_name() == "Abacus: 9 beads @ 1 Hz, 3 cores"


def test_accelerators_are_counted_and_named(monkeypatch):
    tpu = types.SimpleNamespace(platform="tpu", device_kind="TPU v4")
    monkeypatch.setattr(timing.jax, "devices", lambda: [tpu] * 4)
    monkeypatch.setattr(timing.jax, "device_count", lambda: 4)
    assert timing.device_name() == "4 x TPU v4"
