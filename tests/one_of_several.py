"""What one of several processes trains, for `processes_test`; a script.

The first updates of a stage of each recipe over meshes of all devices. The first
process writes losses and parameters to "NAME.npz" in the folder that is named.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from epik_jax import argument_processes
from epik_jax.parallel import processes

TRAINED = {
    "encoder-decoder over 2x2": ("transliteration", "encoder and decoder", 2, 2),
    "tagger over 4x1": ("tagging", "logits", 4, 1),
    "scorer over 4x1": ("scoring", 0, 4, 1),
    "scorer over 1x4": ("scoring", 0, 1, 4),
}
"""Name -> recipe, what of it, and the mesh."""


def updates(recipe: str, what: Any, data: int, model: int) -> Any:
    """A `parity.Run` of that; see the recipe's own test of meshes."""
    path = Path(__file__).parent / "recipes" / recipe / "mesh_parity_test.py"
    spec = importlib.util.spec_from_file_location(f"{recipe}_parity", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.updates(what, data, model)


def main() -> None:
    """Joins the others and trains."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    argument_processes.add_processes(parser)
    given = parser.parse_args()
    processes.join(given.coordinator_address, given.num_processes, given.process_id)
    for name, trained in TRAINED.items():
        run = updates(*trained)
        if processes.is_first():
            leaves = {f"params/{path}": x for path, x in run.params.items()}
            np.savez(given.folder / f"{name}.npz", losses=run.losses, **leaves)


if __name__ == "__main__":
    main()
