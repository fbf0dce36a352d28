"""Passes are warm, full and as many as asked for; like is timed with like."""

from __future__ import annotations

import dataclasses
import functools
import math

import jax
import numpy as np
import pytest
import toy_tagging
from toy_tagging import BILSTM, ENCODER, LABELS, WIDTH

from epik_jax import trees
from epik_jax.evaluation.timing import time_predictors
from epik_jax.models import labeller
from epik_jax.recipes import latency as shared
from epik_jax.recipes.latency import LatencyConfig
from epik_jax.recipes.tagging import latency
from epik_jax.recipes.tagging.latency import mbert_sized, time_networks

NETWORKS = {"one": (None, ENCODER), "other": (None, BILSTM)}


class Passes:
    """Stands for compiled passes: the first of a shape takes long, the others 2 s."""

    def __init__(self, monkeypatch):
        self.configs, self.calls = [], []
        self.seconds = 0.0
        monkeypatch.setattr(latency, "_timed_pass", self.made)
        timed = functools.partial(time_predictors, clock=lambda: self.seconds)
        monkeypatch.setattr(shared, "time_predictors", timed)

    def made(self, params, config):
        assert params is None
        self.configs.append(config)
        calls = []
        self.calls.append(calls)

        def timed(rows):
            shape = np.stack(rows).shape
            self.seconds += 2.0 if shape in [c.shape for c in calls] else 1000.0
            calls.append(np.stack(rows))
            return rows

        return timed


@pytest.fixture
def passes(monkeypatch):
    return Passes(monkeypatch)


@pytest.mark.parametrize(("runs", "in_a_row", "measured"), [(3, 3, 3), (25, 10, 30)])
def test_passes_are_warm_full_and_as_many_as_asked_for(
    runs, in_a_row, measured, passes
):
    config = LatencyConfig((4, 1), length=7, runs=runs)
    found = time_networks(NETWORKS, config)
    assert list(found) == [4, 1]
    for size, timings in found.items():
        assert list(timings.systems) == list(NETWORKS)
        for (one,) in timings.systems.values():
            assert one.num_batches == measured >= runs
            assert (one.batch_size, one.mean_ms, one.p95_ms) == (size, 2000, 2000)
    assert len(passes.calls) == 2
    for calls in passes.calls:
        shapes = [tokens.shape for tokens in calls]
        warm_and_measured = in_a_row + measured
        assert shapes == [(4, 7)] * warm_and_measured + [(1, 7)] * warm_and_measured


def test_all_networks_are_asked_about_the_same_ids_which_all_of_them_know(passes):
    small = dataclasses.replace(BILSTM, vocab_size=5)
    config = LatencyConfig((4,), length=9, runs=3)
    time_networks({**NETWORKS, "small": (None, small)}, config)
    asked = [[tokens.tolist() for tokens in calls] for calls in passes.calls]
    assert asked[0] == asked[1] == asked[2]
    assert asked[0][0] != asked[0][1]
    assert {tokens.dtype for tokens in passes.calls[0]} == {np.dtype(np.int32)}
    assert set(np.unique(passes.calls[0])) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("asked", "trained"), [("float32", "bfloat16"), ("bfloat16", "float32")]
)
def test_all_networks_compute_alike_whatever_they_were_trained_with(
    asked, trained, passes
):
    encoder = dataclasses.replace(ENCODER.encoder, matmul_dtype=trained)
    sizes = {
        "transformer": dataclasses.replace(ENCODER, encoder=encoder),
        "bilstm": dataclasses.replace(BILSTM, matmul_dtype=trained),
    }
    networks = {name: (None, config) for name, config in sizes.items()}
    time_networks(networks, LatencyConfig((1,), 5, 1, matmul_dtype=asked))
    transformer, bilstm = passes.configs
    assert transformer.encoder.matmul_dtype == bilstm.matmul_dtype == asked
    again = dataclasses.replace(transformer.encoder, matmul_dtype=trained)
    assert dataclasses.replace(transformer, encoder=again) == sizes["transformer"]
    assert dataclasses.replace(bilstm, matmul_dtype=trained) == sizes["bilstm"]


def test_mberts_size_is_that_of_mbert():
    config = mbert_sized(LABELS)
    shapes = trees.flatten(labeller.parameter_shapes(config))
    pooler = 768 * 768 + 768  # A tagger has none; labels it has.
    labels = (768 + 1) * len(LABELS)
    held = sum(math.prod(leaf.shape) for leaf in shapes.values())
    assert held == 177_853_440 - pooler + labels
    assert config.max_length == 512 and config.labels == LABELS


def test_a_network_that_reads_fewer_pieces_is_refused_by_name(passes):
    short = {"one": (None, ENCODER), "short": (None, BILSTM)}
    short["short"] = (None, dataclasses.replace(BILSTM, max_length=WIDTH - 1))
    with pytest.raises(
        ValueError, match=rf"length is {WIDTH}, and short reads {WIDTH - 1} pieces"
    ):
        time_networks(short, LatencyConfig((1,), WIDTH, 1))
    assert not passes.calls
    time_networks(short, LatencyConfig((1,), WIDTH - 1, 1))
    assert passes.calls


@pytest.mark.parametrize(
    "nothing",
    [{"batch_sizes": ()}, {"batch_sizes": (8, 0)}, {"length": 0}, {"runs": 0}],
)
def test_what_times_nothing_is_refused(nothing):
    with pytest.raises(ValueError, match=next(iter(nothing))):
        LatencyConfig(**nothing)


def test_a_pass_gives_the_logits_of_every_piece():
    network = toy_tagging.network(BILSTM)
    rows = list(np.random.default_rng(0).integers(0, 9, (2, 6), dtype=np.int32))
    found = latency._timed_pass(network.params, BILSTM)(rows)
    mask = np.ones((2, 6), bool)
    wanted = labeller.label(network.params, BILSTM, np.stack(rows), mask, layer=1)
    assert isinstance(found, jax.Array)
    assert found.shape == (2, 6, len(LABELS))
    np.testing.assert_allclose(found, wanted.logits, rtol=1e-5)
