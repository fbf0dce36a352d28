"""Batches made ahead in a thread: order, errors, early ends."""

import contextlib
import itertools
import threading
import time

import pytest

from epik_jax.training.prefetch import prefetch


def _soon(claim, seconds=5.0):
    """Whether `claim()` holds within some seconds."""
    end = time.monotonic() + seconds
    while not claim() and time.monotonic() < end:
        time.sleep(0.02)
    return claim()


def _running():
    """Prefetching threads; libraries come and go with threads of their own."""
    return [t for t in threading.enumerate() if t.name == "prefetch"]


def test_items_come_in_order_and_end():
    assert list(prefetch(range(20), depth=3)) == list(range(20))


def test_items_are_made_ahead_but_no_further_than_the_depth():
    made = []

    def items():
        for n in itertools.count():
            made.append(n)
            yield n

    with contextlib.closing(prefetch(items(), depth=3)) as stream:
        assert next(stream) == 0
        # Three in store, and one that waits for room.
        assert _soon(lambda: len(made) == 5)
        time.sleep(0.15)
        assert len(made) == 5


def test_an_error_of_the_thread_reaches_the_caller_after_what_came_before_it():
    def items():
        yield 1
        raise ValueError("row 7 is broken")

    stream = prefetch(items())
    assert next(stream) == 1
    with pytest.raises(ValueError, match="row 7 is broken"):
        next(stream)


def test_a_stream_that_is_closed_early_ends_its_thread_and_its_source():
    ended, before = threading.Event(), len(_running())

    def items():
        try:
            for n in itertools.count():
                time.sleep(0.05)
                yield n
        finally:
            ended.set()

    stream = prefetch(items(), depth=2)
    next(stream)
    assert len(_running()) > before
    stream.close()
    assert len(_running()) <= before
    assert _soon(ended.is_set)


def test_nothing_starts_before_the_first_item_is_asked_for():
    before = len(_running())
    prefetch(iter([1])).close()
    assert len(_running()) <= before
