"""Digests of pairs and networks: what a stage is made of, what figures are of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from epik_jax.data.digests import arrays_digest
from epik_jax.data.encode_text_pairs import EncodedTextPairs
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.recipes.recipe import digest
from epik_jax.structs import TextPair
from epik_jax.teachers.scoring import ScoringNetwork


def network_digest(network: ScoringNetwork) -> str:
    """sha256 of a network's parameters and sizes; hashes all of them at each call."""
    return ModelFolder(network.params, network.config, network.pieces, {}).digest


def content_digest(encoded: EncodedTextPairs) -> str:
    """sha256 over all that is trained on, in order."""
    return arrays_digest(
        (
            *(encoded.keys, encoded.source_digest, encoded.labels),
            *(encoded.labelled, encoded.types.values),
        )
    )


def pairs_digest(lists: Mapping[str, Sequence[TextPair]]) -> str:
    """sha256 of lists, texts and labels: figures compare where it is equal."""
    return digest({n: [dataclasses.astuple(p) for p in x] for n, x in lists.items()})
