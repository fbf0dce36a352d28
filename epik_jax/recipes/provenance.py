"""Where a run's models and report come from: command, commit, data, versions.

What is exported or reported says it, so that a reader can make it again.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax

from epik_jax.interop.export import ModelFolder, export_model, load_model
from epik_jax.recipes.card import model_card
from epik_jax.recipes.corpus import DataConfig
from epik_jax.recipes.matra import MatraConfig
from epik_jax.recipes.networks import network_digest
from epik_jax.recipes.student import StudentConfig
from epik_jax.teachers.forward import Network

_ABSOLUTE = re.compile(r"""(?<=[='",(\s])/[^'",()\s]*""")


def typed_command(command: str, config_file: str, overrides: list[str]) -> str:
    """The run as one would type it in a shell; folders of this machine are left out.

    Args:
      command: of epik-jax, such as "run".
      config_file: "FILE" or "FILE:variant".
      overrides: "path.to.key=value".
    """
    path, colon, variant = config_file.partition(":")
    shown = (_ABSOLUTE.sub("FOLDER", override) for override in overrides)
    config = f"--config={last_parts(path)}{colon}{variant}"
    words = [config, *(f"--config.{override}" for override in shown)]
    quoted = " ".join(_quoted(word) for word in words)
    return f"epik-jax {command} {quoted} --workdir=RUN"


def last_parts(path: Path | str) -> str:
    """A file or folder and what holds it: what of a path says more than a machine."""
    return "/".join(Path(os.path.abspath(path)).parts[-2:])


def _quoted(word: str) -> str:
    """As `shlex.quote`, but legible where the word holds single quotes alone."""
    if "'" in word and not set(word) & set('"$`\\!'):
        return f'"{word}"'
    return shlex.quote(word)


def commit() -> str:
    """The commit of the checkout that runs, "-dirty" where it was changed.

    Of an installed release its version; "unknown" of files that are neither.
    """
    with contextlib.suppress(OSError):  # There may be no git.
        # An environment may lie within somebody else's repository.
        if _git("ls-files", "--error-unmatch", __file__):
            # Without tags: they move, and say less.
            words = ("--exclude=*", "--always", "--dirty", "--abbrev=12")
            return _git("describe", *words)
    try:
        return f"release {importlib.metadata.version('epik_jax')}"
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _git(*words: str) -> str:
    """What git says; empty where it refuses."""
    command = ["git", "-C", str(Path(__file__).parent), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def trained_seconds(log_rows: Iterable[Mapping[str, Any]]) -> float:
    """Seconds that training took, whatever number of processes it took them in.

    Validating and saving are among them.
    """
    parts = ("window_seconds", "outside_seconds")
    return sum(row.get(part, 0.0) for row in log_rows for part in parts)


def how_trained(
    given: str, seed: int, log_rows: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """How a run's student came to be; of one that was `given`, what its folder says."""
    if given:
        about = load_model(Path(given)).about
        return {f"student's {k}": about[k] for k in ("command", "commit") if k in about}
    rows = list(log_rows)
    minutes = round(trained_seconds(rows) / 60, 1)
    return {"seed": seed, **({"minutes of training": minutes} if rows else {})}


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
    start = {"start": load_model(Path(folder)).digest} if folder else {}
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
    model = load_model(Path(given))
    return export_model(model, folder, bfloat16=False, card=model_card(model))


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
    about = {
        "recipe": recipe,
        "data": sorted(read) or [data.kind],
        "command": command,
        "commit": commit(),
        **origin,
        "jax": jax.__version__,
        "python": platform.python_version(),
    }
    model = ModelFolder(network.params, network.config, network.vocabulary, about)
    export_model(model, folder, bfloat16=False, card=model_card(model))
