"""Model folders: what is exported, shipped and accepted as `--checkpoint`.

A folder holds model.safetensors, config.json, the vocabulary, a card (README.md) and
digests.json, the sha256 of each, which loading checks. A model transliterates or
labels; whoever loads one says which it must do.
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
from epik_jax.models import labeller, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.models.labeller_config import (
    BilstmLabellerConfig,
    EncoderLabellerConfig,
    LabellerConfig,
)
from epik_jax.structs import Params
from epik_jax.text.normalise import NORMALISER_VERSION
from epik_jax.text.vocabulary import Vocabulary, load_vocabulary
from epik_jax.text.wordpiece import WordPieces, load_wordpieces

FORMAT = 1
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
VOCABULARY, DIGESTS = "vocabulary", "digests.json"
FILES = (WEIGHTS, CONFIG, VOCABULARY, CARD)

_KINDS = {
    "transformer": TransformerConfig,
    "encoder labeller": EncoderLabellerConfig,
    "bilstm labeller": BilstmLabellerConfig,
}

_DAMAGES = (
    *(LookupError, TypeError, AttributeError),
    *(json.JSONDecodeError, UnicodeDecodeError, safetensors.SafetensorError),
)
"""What reading a folder fails with that is whole, and not what we write."""

ConfigT = TypeVar("ConfigT", bound=TransformerConfig | LabellerConfig)
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


def kind_of(config: TransformerConfig | LabellerConfig) -> str:
    """What config.json calls networks of such a configuration."""
    return next(name for name, kind in _KINDS.items() if isinstance(config, kind))


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
    kind = record.get("kind", "transformer")
    if kind not in _KINDS:
        raise ValueError(f"{folder} holds a {kind!r}, known are {(*_KINDS,)}")
    config = _config(kind, record["model"])
    _demand_fitting(flat, config, folder)
    vocabulary = load_vocabulary if kind == "transformer" else load_wordpieces
    return ModelFolder(
        params=trees.unflatten(flat),
        config=config,
        vocabulary=vocabulary(folder / VOCABULARY),
        about=record["about"],
    )


def load_transliterator(folder: Path) -> Transliterator:
    """Reads a model that writes words in another script.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: it is damaged, or holds a model of another kind.
    """
    model = load_model(folder)
    if not isinstance(model.config, TransformerConfig):
        raise ValueError(
            f"{folder} holds a tagger, which transliterates nothing; use `epik-jax tag`"
        )
    return model


def load_labeller(folder: Path) -> Labeller:
    """Reads a model that labels sentences; raises as `load_transliterator`."""
    model = load_model(folder)
    if isinstance(model.config, TransformerConfig):
        raise ValueError(
            f"{folder} holds a transliterator, which tags nothing; use `epik-jax "
            "transliterate`"
        )
    return model


def _config(kind: str, record: dict[str, Any]) -> TransformerConfig | LabellerConfig:
    if kind == "transformer":
        return TransformerConfig(**record)
    record = {**record, "labels": tuple(record["labels"])}
    if kind == "bilstm labeller":
        return BilstmLabellerConfig(**record)
    return EncoderLabellerConfig(
        **{**record, "encoder": TransformerConfig(**record["encoder"])}
    )


def _demand_fitting(
    flat: dict[str, np.ndarray],
    config: TransformerConfig | LabellerConfig,
    folder: Path,
) -> None:
    """Refuses parameters that are not those of the network, or no numbers."""
    network = transformer if isinstance(config, TransformerConfig) else labeller
    wanted = trees.flatten(network.parameter_shapes(config))  # type: ignore[arg-type]
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
    except ValueError as error:
        raise ValueError(f"{folder / DIGESTS} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{folder / DIGESTS} is not an object of names and digests")
    return found


def sha256(path: Path) -> str:
    """Digest of a file (hex)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
