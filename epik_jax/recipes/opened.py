"""Model folders that a user names, opened with a hint where they are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from epik_jax.interop.model_folder import is_model_folder

Model = TypeVar("Model")


def opened(folder: Path, load: Callable[[Path], Model]) -> Model:
    """What `load` reads from a model folder.

    Raises:
      FileNotFoundError: there is no model folder; of a run it says where they are.
      ValueError: it is damaged, or holds a model of another kind.
    """
    for name in ("student", "teacher"):
        if not is_model_folder(folder) and is_model_folder(folder / name):
            raise FileNotFoundError(
                f"{folder} is a run, not a model folder; take {folder / name}"
            )
    try:
        return load(folder)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{folder} is damaged: {error}; export it again") from error
