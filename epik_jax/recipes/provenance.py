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

from epik_jax.interop.model_folder import load_model

_ABSOLUTE = re.compile(r"""(?<=[='",(\s])/[^'",()\s]*""")


def typed_command(program: str, config_file: str, overrides: list[str]) -> str:
    """The run as one would type it in a shell; folders of this machine are left out.

    Args:
      program: and what is typed before all options, such as "epik-jax run".
      config_file: "FILE" or "FILE:variant".
      overrides: "path.to.key=value".
    """
    path, colon, variant = config_file.partition(":")
    shown = (_ABSOLUTE.sub("FOLDER", override) for override in overrides)
    config = f"--config={last_parts(path)}{colon}{variant}"
    words = [config, *(f"--config.{override}" for override in shown)]
    quoted = " ".join(_quoted(word) for word in words)
    return f"{program} {quoted} --workdir=RUN"


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


def story(
    recipe: str, data: Iterable[str], command: str, origin: Mapping[str, Any]
) -> dict[str, Any]:
    """What a model folder says of how it was made.

    Args:
      recipe: such as "epik".
      data: what was trained on.
      command: that made it.
      origin: seed, and digests of what it learnt from.
    """
    return {
        "recipe": recipe,
        "data": sorted(data),
        "command": command,
        "commit": commit(),
        **origin,
        "jax": jax.__version__,
        "python": platform.python_version(),
    }
