"""Model folders: what is exported, shipped and accepted as `--checkpoint`.

A folder holds model.safetensors, config.json, the vocabulary, a card (README.md) and
digests.json, the sha256 of each, which loading checks. It is written whole or not at
all.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from epik_jax import trees
from epik_jax.models.config import TransformerConfig
from epik_jax.structs import Params
from epik_jax.text.normalise import NORMALISER_VERSION
from epik_jax.text.vocabulary import Vocabulary, load_vocabulary

FORMAT = 1
_WEIGHTS, _CONFIG, _CARD = "model.safetensors", "config.json", "README.md"
_VOCABULARY, _DIGESTS = "vocabulary", "digests.json"
_FILES = (_WEIGHTS, _CONFIG, _VOCABULARY, _CARD)


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """A model as it is shipped.

    Attributes:
      params: parameter tree, float32.
      config: sizes and choices.
      vocabulary: what its tokens mean.
      about: where it comes from: recipe, data, licences, metrics; JSON values.
    """

    params: Params
    config: TransformerConfig
    vocabulary: Vocabulary
    about: dict[str, Any]

    @property
    def digest(self) -> str:
        """sha256 over parameters and sizes: what a teacher is known by."""
        state = hashlib.sha256(repr(self.config).encode())
        for path, leaf in trees.flatten(self.params).items():
            state.update(path.encode())
            state.update(np.ascontiguousarray(leaf, np.float32).tobytes())
        return state.hexdigest()

    def rounded(self) -> ModelFolder:
        """The model as it is read back where it was stored in bfloat16."""
        flat = {
            path: np.asarray(leaf).astype(ml_dtypes.bfloat16).astype(np.float32)
            for path, leaf in trees.flatten(self.params).items()
        }
        return dataclasses.replace(self, params=trees.unflatten(flat))


def export_model(
    model: ModelFolder, folder: Path, *, bfloat16: bool, card: str
) -> None:
    """Writes a model folder, replacing one that is there.

    Args:
      model: what to write.
      folder: where; appears complete or not at all.
      bfloat16: store weights in two bytes each.
      card: the text of its README.md.

    Raises:
      OSError: the disk is full or not writable; an older folder is untouched.
      ValueError: `folder` holds something else than a model folder, or lies in one.
    """
    demand_replaceable(folder)
    # Names that nobody else gives to what is beside the folder.
    unfinished, older = (
        folder.with_name(f".{folder.name}.epik-{x}") for x in ("unfinished", "replaced")
    )
    # Between two renames a process was killed: the old model is all there is.
    if older.exists() and not folder.exists():
        older.rename(folder)
    for leftover in (unfinished, older):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        _write(model, unfinished, bfloat16=bfloat16, card=card)
        if folder.exists():
            folder.rename(older)
        unfinished.rename(folder)
    except BaseException:
        if older.exists() and not folder.exists():
            older.rename(folder)
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    shutil.rmtree(older, ignore_errors=True)


def demand_replaceable(folder: Path) -> None:
    """Refuses a folder for a model where something would be lost.

    Raises:
      ValueError: it holds what no export wrote, or lies in a model folder, which is
        replaced as a whole.
    """
    if outer := model_folder_around(folder):
        raise ValueError(f"{folder} lies in the model folder {outer}; name another")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; move it elsewhere or name another")
    there = {path.name for path in folder.iterdir()}
    # Without its seal it is no export of ours, whatever its files are called.
    ours = {*_FILES, _DIGESTS} if is_model_folder(folder) else set()
    if other := sorted(there - ours):
        raise ValueError(
            f"{folder} holds {other[0]!r}, which no export wrote: it is not replaced; "
            "move that elsewhere or name another folder"
        )


def _write(model: ModelFolder, folder: Path, *, bfloat16: bool, card: str) -> None:
    folder.mkdir(parents=True)
    kind = ml_dtypes.bfloat16 if bfloat16 else np.float32
    flat = trees.flatten(model.params)
    arrays = {
        k: np.ascontiguousarray(np.asarray(v).astype(kind)) for k, v in flat.items()
    }
    # By our own hands: the library's writer hides a full disk in an error of its own.
    (folder / _WEIGHTS).write_bytes(safetensors.numpy.save(arrays))
    model.vocabulary.save(folder / _VOCABULARY)
    record = {
        "format": FORMAT,
        "model": dataclasses.asdict(model.config),
        "normaliser": NORMALISER_VERSION,
        "about": model.about,
    }
    text = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / _CONFIG).write_text(text + "\n", encoding="utf-8")
    (folder / _CARD).write_text(card, encoding="utf-8")
    digests = {name: _sha256(folder / name) for name in _FILES}
    (folder / _DIGESTS).write_text(json.dumps(digests, indent=1) + "\n")


def is_model_folder(folder: Path) -> bool:
    """Whether `folder` looks like one; its contents are checked by loading."""
    return (folder / _DIGESTS).is_file()


def model_folder_around(path: Path) -> Path | None:
    """The model folder that a path lies in, at whatever depth."""
    return next((p for p in path.resolve().parents if is_model_folder(p)), None)


def load_model(folder: Path) -> ModelFolder:
    """Reads a model folder and checks it.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: a file is missing or changed, or was written for another version.
    """
    if not is_model_folder(folder):
        raise FileNotFoundError(
            f"{folder} is no model folder: it has no {_DIGESTS}; "
            "make one with `epik-jax export`"
        )
    digests = _digests(folder)
    for name in _FILES:
        path, digest = folder / name, digests.get(name)
        if not path.is_file():
            raise ValueError(f"{path} is missing")
        if _sha256(path) != digest:
            raise ValueError(f"{path} has changed since it was exported")
    record = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    if record["format"] != FORMAT:
        raise ValueError(f"{folder} has format {record['format']}, not {FORMAT}")
    if record["normaliser"] != NORMALISER_VERSION:
        raise ValueError(
            f"{folder} was trained with normaliser {record['normaliser']}, "
            f"this is {NORMALISER_VERSION}"
        )
    arrays = safetensors.numpy.load_file(folder / _WEIGHTS)
    flat = {path: leaf.astype(np.float32) for path, leaf in arrays.items()}
    return ModelFolder(
        params=trees.unflatten(flat),
        config=TransformerConfig(**record["model"]),
        vocabulary=load_vocabulary(folder / _VOCABULARY),
        about=record["about"],
    )


def _digests(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / _DIGESTS).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{folder / _DIGESTS} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{folder / _DIGESTS} is not an object of names and digests")
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
