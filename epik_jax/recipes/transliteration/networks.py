"""Networks ready to answer: under the script constraint, on a mesh, by their digests.

Parameters or a model folder go in, a network comes out. Nothing is trained here.
"""

from __future__ import annotations

from pathlib import Path

from jax.sharding import Mesh

from epik_jax.interop.model_folder import (
    ModelFolder,
    Transliterator,
    load_transliterator,
)
from epik_jax.recipes.transliteration.tokens import follow_tables
from epik_jax.teachers.forward import Network


def as_network(model: Transliterator, mesh: Mesh | None = None) -> Network:
    """The network that a model folder holds.

    Args:
      model: as it was read.
      mesh: devices that it answers on; None for the first one alone.
    """
    follow_LVV = follow_tables(model.vocabulary)
    return Network(model.params, model.config, model.vocabulary, follow_LVV, mesh)


def load_network(folder: Path, mesh: Mesh | None = None) -> Network:
    """A network from a model folder; see `as_network`.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: it is damaged.
    """
    return as_network(load_transliterator(folder), mesh)


def network_digest(network: Network) -> str:
    """sha256 of a network's parameters and sizes; hashes all of them at each call."""
    return ModelFolder(network.params, network.config, network.vocabulary, {}).digest
