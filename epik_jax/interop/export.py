"""Model folders written: whole or not at all, and never over what is not one.

What a folder holds and how it is read is settled in `model_folder`.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import ml_dtypes
import numpy as np
import safetensors.numpy

from epik_jax import trees
from epik_jax.interop.model_folder import (
    CARD,
    CONFIG,
    DIGESTS,
    FILES,
    FORMAT,
    VOCABULARY,
    WEIGHTS,
    AnyModel,
    is_model_folder,
    model_folder_around,
    sha256,
)
from epik_jax.interop.model_kinds import kind_of
from epik_jax.text.normalise import NORMALISER_VERSION


def export_model(model: AnyModel, folder: Path, *, bfloat16: bool, card: str) -> None:
    """Writes a model folder, replacing one that is there.

    Args:
      model: what to write.
      folder: where; appears complete or not at all.
      bfloat16: store weights in two bytes each.
      card: the text of its README.md.

    Raises:
      OSError: the disk is full or not writable; an older folder is untouched.
      ValueError: `folder` holds something else than a model folder, or lies in one; or
        parameters are no numbers.
    """
    demand_replaceable(folder)
    for path, leaf in trees.flatten(model.params).items():
        if not np.isfinite(np.asarray(leaf, np.float32)).all():
            raise ValueError(
                f"{folder}: {path} holds what is no number, and nothing was written: "
                "training went wrong; try a lower learning rate"
            )
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
    ours = {*FILES, DIGESTS} if is_model_folder(folder) else set()
    if other := sorted(there - ours):
        raise ValueError(
            f"{folder} holds {other[0]!r}, which no export wrote: it is not replaced; "
            "move that elsewhere or name another folder"
        )


def _write(model: AnyModel, folder: Path, *, bfloat16: bool, card: str) -> None:
    folder.mkdir(parents=True)
    kind = ml_dtypes.bfloat16 if bfloat16 else np.float32
    flat = trees.flatten(model.params)
    arrays = {
        k: np.ascontiguousarray(np.asarray(v).astype(kind)) for k, v in flat.items()
    }
    # By our own hands: the library's writer hides a full disk in an error of its own.
    (folder / WEIGHTS).write_bytes(safetensors.numpy.save(arrays))
    model.vocabulary.save(folder / VOCABULARY)
    record = {
        "format": FORMAT,
        "kind": kind_of(model.config),
        "model": dataclasses.asdict(model.config),
        "normaliser": NORMALISER_VERSION,
        "about": model.about,
    }
    text = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8")
    digests = {name: sha256(folder / name) for name in FILES}
    (folder / DIGESTS).write_text(json.dumps(digests, indent=1) + "\n")
