"""Model folders: what is exported, shipped and accepted as `--checkpoint`.

A folder holds model.safetensors, config.json, the vocabulary, a card (README.md) and
digests.json, the sha256 of each, which loading checks. Whoever loads a model says what
it must be for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from epik_jax import trees
from epik_jax.interop.model_kinds import (
    KINDS,
    SCORES,
    TAGS,
    TRANSLITERATES,
    AnyConfig,
    Kind,
    Use,
    config_of,
    kind_of,
)
from epik_jax.models.config import TransformerConfig
from epik_jax.models.labeller_config import LabellerConfig
from epik_jax.models.scorer_config import ScorerConfig
from epik_jax.structs import Params
from epik_jax.text.normalise import NORMALISER_VERSION
from epik_jax.text.vocabulary import Vocabulary
from epik_jax.text.wordpiece import WordPieces

FORMAT = 1
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
VOCABULARY, DIGESTS = "vocabulary", "digests.json"
FILES = (WEIGHTS, CONFIG, VOCABULARY, CARD)

_DAMAGES = (
    *(LookupError, TypeError, AttributeError, RecursionError),
    *(json.JSONDecodeError, UnicodeDecodeError, safetensors.SafetensorError),
)
"""What reading a folder fails with that is whole, and not what we write."""

ConfigT = TypeVar("ConfigT", bound=AnyConfig)
VocabularyT = TypeVar("VocabularyT", bound=Vocabulary | WordPieces)


@dataclasses.dataclass(frozen=True)
class ModelFolder(Generic[ConfigT, VocabularyT]):
    """A model as it is shipped.

    Attributes:
      params: parameter tree, float32.
      config: sizes and choices.
      vocabulary: what its tokens mean.
      about: where it comes from: recipe, data, licences, metrics; JSON values.
    """

    params: Params
    config: ConfigT
    vocabulary: VocabularyT
    about: dict[str, Any]

    @property
    def digest(self) -> str:
        """sha256 over parameters and sizes: what a teacher is known by."""
        state = hashlib.sha256(repr(self.config).encode())
        for path, leaf in trees.flatten(self.params).items():
            state.update(path.encode())
            state.update(np.ascontiguousarray(leaf, np.float32).tobytes())
        return state.hexdigest()

    def rounded(self) -> ModelFolder[ConfigT, VocabularyT]:
        """The model as it is read back where it was stored in bfloat16."""
        flat = {
            path: np.asarray(leaf).astype(ml_dtypes.bfloat16).astype(np.float32)
            for path, leaf in trees.flatten(self.params).items()
        }
        return dataclasses.replace(self, params=trees.unflatten(flat))


AnyModel: TypeAlias = ModelFolder[Any, Any]
Transliterator: TypeAlias = ModelFolder[TransformerConfig, Vocabulary]
Labeller: TypeAlias = ModelFolder[LabellerConfig, WordPieces]
Scorer: TypeAlias = ModelFolder[ScorerConfig, WordPieces]


def is_model_folder(folder: Path) -> bool:
    """Whether `folder` looks like one; its contents are checked by loading."""
    return (folder / DIGESTS).is_file()


def model_folder_around(path: Path) -> Path | None:
    """The model folder that a path lies in, at whatever depth."""
    return next((p for p in path.resolve().parents if is_model_folder(p)), None)


def load_model(folder: Path) -> AnyModel:
    """Reads a model folder of any kind and checks it.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: a file is missing or changed, or was written for another version.
    """
    if not is_model_folder(folder):
        raise FileNotFoundError(
            f"{folder} is no model folder: it has no {DIGESTS}; "
            "make one with `epik-jax export`"
        )
    digests = _digests(folder)
    for name in FILES:
        path, digest = folder / name, digests.get(name)
        if not path.is_file():
            raise ValueError(f"{path} is missing")
        if sha256(path) != digest:
            raise ValueError(f"{path} has changed since it was exported")
    try:
        return _read(folder)
    except _DAMAGES as e:
        said = f"{type(e).__name__}: {e}"
        raise ValueError(f"{folder} is damaged: {said}; export it again") from e


def _read(folder: Path) -> AnyModel:
    """A folder whose files are those that were written, whoever wrote them."""
    record = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if record["format"] != FORMAT:
        raise ValueError(f"{folder} has format {record['format']}, not {FORMAT}")
    if record["normaliser"] != NORMALISER_VERSION:
        raise ValueError(
            f"{folder} was trained with normaliser {record['normaliser']}, "
            f"this is {NORMALISER_VERSION}"
        )
    arrays = safetensors.numpy.load_file(folder / WEIGHTS)
    flat = {path: leaf.astype(np.float32) for path, leaf in arrays.items()}
    # Folders written before there were labellers name no kind.
    name = record.get("kind", "transformer")
    if name not in KINDS:
        raise ValueError(f"{folder} holds a {name!r}, known are {(*KINDS,)}")
    kind = KINDS[name]
    config = config_of(kind, record["model"])
    _demand_fitting(flat, kind, config, folder)
    vocabulary = kind.load_vocabulary(folder / VOCABULARY)
    if isinstance(vocabulary, WordPieces) and vocabulary.size > config.vocab_size:
        raise ValueError(
            f"{folder / VOCABULARY} has {vocabulary.size} entries, by {CONFIG} the "
            f"network knows {config.vocab_size}"
        )
    if not isinstance(record["about"], dict):
        raise TypeError(f"about is {record['about']!r}")
    return ModelFolder(trees.unflatten(flat), config, vocabulary, record["about"])


def load_transliterator(folder: Path) -> Transliterator:
    """Reads a model that writes words in another script.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: it is damaged, or holds a model of another kind.
    """
    return _load_for(folder, TRANSLITERATES)


def load_labeller(folder: Path) -> Labeller:
    """Reads a model that labels sentences; raises as `load_transliterator`."""
    return _load_for(folder, TAGS)


def load_scorer(folder: Path) -> Scorer:
    """Reads a model that scores pairs of texts; raises as `load_transliterator`."""
    return _load_for(folder, SCORES)


def _load_for(folder: Path, wanted: Use) -> AnyModel:
    model = load_model(folder)
    found = KINDS[kind_of(model.config)].use
    if found != wanted:
        raise ValueError(
            f"{folder} holds a {found.noun}, which {wanted.verb} nothing; use "
            f"`{found.command}`"
        )
    return model


def _demand_fitting(
    flat: dict[str, np.ndarray], kind: Kind, config: AnyConfig, folder: Path
) -> None:
    """Refuses parameters that are not those of the network, or no numbers."""
    wanted = trees.flatten(kind.parameter_shapes(config))
    weights = folder / WEIGHTS
    for path in sorted({*flat, *wanted}):
        there, here = (x[path].shape if path in x else None for x in (flat, wanted))
        if there != here:
            raise ValueError(
                f"{weights}: {path} has shape {there}, by {CONFIG} it is {here}"
            )
        if not np.isfinite(flat[path]).all():
            raise ValueError(f"{weights}: {path} holds numbers that are none")


def _digests(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{folder / DIGESTS} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{folder / DIGESTS} is not an object of names and digests")
    return found


def sha256(path: Path) -> str:
    """Digest of a file (hex).

    Raises:
      ValueError: it is a pipe or a device, which is empty once it was read.
    """
    if path.exists() and not path.is_file():  # One would wait for a writer.
        raise ValueError(f"{path} is no plain file, and its digest is wanted")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
