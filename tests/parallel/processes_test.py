"""What several processes agree on before they wait for each other."""

from __future__ import annotations

import json
import socket

import numpy as np
import pytest

from epik_jax.parallel import processes


def beside(monkeypatch, said):
    """Makes this process the first of two, of which the other says something else."""
    text = json.dumps(said, sort_keys=True).encode().ljust(200)

    def gathered(numbers):
        if len(numbers) == 1:
            return np.array([numbers, [len(text)]])
        return np.stack([numbers, np.frombuffer(text, np.uint8)])

    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "gathered", gathered)


def test_what_is_the_same_in_all_processes_passes(monkeypatch):
    texts = []

    def gathered(numbers):
        texts.append(np.array(numbers))
        return np.stack([numbers, numbers])

    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "gathered", gathered)
    processes.demand_same("stage", {"steps": 3, "where": "இங்கே"})
    assert len(texts) == 2 and texts[0] == len(texts[1])


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"data/seed": 9, "steps": 3}, "data/seed is 0 in the first process, 9"),
        ({"data/seed": 0, "steps": 4}, "steps is 3 in the first process, 4"),
        ({"steps": 3}, "data/seed is 0 in the first process, None"),
        ({"a": 1, "data/seed": 0, "steps": 3}, "a is None in the first process, 1"),
    ],
)
def test_a_difference_between_processes_is_named(monkeypatch, other, difference):
    beside(monkeypatch, other)
    with pytest.raises(ValueError, match=rf"config: {difference} in process 1;"):
        processes.demand_same("config", {"steps": 3, "data": {"seed": 0}})


def test_a_port_that_is_taken_is_refused_before_jax_crashes_on_it():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        with pytest.raises(ValueError, match=f"port {port}: Address already in use"):
            processes.join(f"127.0.0.1:{port}", 2, 0)
