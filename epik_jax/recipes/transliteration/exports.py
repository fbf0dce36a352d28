"""Models of a transliteration run, written with the story of how they were made.

Networks and settings go in; model folders lie in the run's folder afterwards, and the
lines that a report says of them come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epik_jax.interop.model_folder import ModelFolder, load_transliterator
from epik_jax.recipes.provenance import story
from epik_jax.recipes.published import publish_model
from epik_jax.recipes.transliteration.corpus import DataConfig
from epik_jax.recipes.transliteration.matra import MatraConfig
from epik_jax.recipes.transliteration.networks import network_digest
from epik_jax.recipes.transliteration.student import StudentConfig
from epik_jax.teachers.forward import Network


def kept_pairs(counts: dict[str, dict[str, int]]) -> dict[str, str]:
    """What became of the training words, in a line; nothing where none was read."""
    train = [c for name, c in counts.items() if name.startswith("train:")]
    if not train:
        return {}
    kept = sum(c["kept"] for c in train)
    read = sum(c["read"] for c in train)
    return {
        "training pairs": f"{kept:,} of {read:,}; the others are words that are "
        "held out for evaluation"
    }


def begun_from(config: MatraConfig) -> dict[str, Any]:
    """The seed of a teacher, and the digest of the model that its training begins with.

    To be asked before the training, when that model is sure to be there.
    """
    folder = config.start_folder
    start = {"start": load_transliterator(Path(folder)).digest} if folder else {}
    return {"seed": config.seed, **start}


def taught_by(config: StudentConfig, teacher: Network) -> dict[str, Any]:
    """The seed of a student, and the teacher's digest for each part that it had."""
    digest = network_digest(teacher)
    parts = {
        "teacher": bool(config.kinds & {"transfer", "back"}),
        "start": config.start == "teacher",
    }
    had = {part: digest for part, true in parts.items() if true}
    return {"seed": config.seed, **had}


def export_network(
    network: Network,
    folder: Path,
    recipe: str,
    given: str,
    data: DataConfig,
    command: str,
    origin: Mapping[str, Any],
) -> None:
    """Writes a run's network; one that was `given` keeps the story it came with."""
    if not given:
        return export_trained(network, folder, recipe, data, command, origin)
    model = load_transliterator(Path(given))
    return publish_model(model, folder)


def export_trained(
    network: Network,
    folder: Path,
    recipe: str,
    data: DataConfig,
    command: str,
    origin: Mapping[str, Any],
) -> None:
    """Writes a model folder that says what it was made by and trained on.

    Args:
      network: what is exported.
      folder: where.
      recipe: "matra" or "epik".
      data: what was trained on.
      command: that made it.
      origin: from `begun_from` or `taught_by`.
    """
    read = {item.path for item in data.lists if item.split == "train"}
    about = story(recipe, read or [data.kind], command, origin)
    model = ModelFolder(network.params, network.config, network.vocabulary, about)
    publish_model(model, folder)
