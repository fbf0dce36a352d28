"""What has answered some words, as the system of a report."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from epik_jax import trees
from epik_jax.evaluation.findings import System
from epik_jax.recipes.transliteration.networks import network_digest
from epik_jax.structs import Example
from epik_jax.teachers.chain import Answers
from epik_jax.teachers.forward import Network


def answered(
    name: str,
    role: str,
    words: Sequence[Example],
    answers: Answers,
    network: Network | None,
    decode: str = "greedy",
) -> System:
    """A system with its answers, logged; of a network with its size and digest."""
    logging.info("measuring: %s has answered %d words", name, len(words))
    predictions = list(zip(words, answers, strict=True))
    if network is None:
        return System(name, role, predictions, decode)
    count, digest = trees.num_elements(network.params), network_digest(network)
    return System(name, role, predictions, decode, count, digest=digest)
