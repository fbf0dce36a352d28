"""BERT as Hugging Face stores it, as a network of ours.

A folder with config.json, model.safetensors and a tokenizer goes in; sizes, parameters
and pieces come out. Names are mapped by the table below and by nothing else; nothing of
the libraries that wrote the folder is needed to read it.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from epik_jax import trees
from epik_jax.interop.huggingface_pieces import load_pieces, read_object
from epik_jax.models import transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.structs import Params
from epik_jax.text.wordpiece import WordPieces

WEIGHTS, CONFIG = "model.safetensors", "config.json"

_ACTIVATIONS = {"gelu": "gelu_exact", "gelu_new": "gelu", "relu": "relu"}

_MOST_FILLING = 64

_WHOLE_NUMBERS = (
    *("vocab_size", "hidden_size", "num_attention_heads", "intermediate_size"),
    *("num_hidden_layers", "max_position_embeddings", "type_vocab_size"),
)

_BLOCK = r"encoder\.layer\.(\d+)\."
_NAMES = (
    (r"embeddings\.word_embeddings\.weight", "embedding"),
    (r"embeddings\.position_embeddings\.weight", "position_embedding"),
    (r"embeddings\.token_type_embeddings\.weight", "type_embedding"),
    (r"embeddings\.LayerNorm\.(\w+)", "embedding_norm/{0}"),
    (
        _BLOCK + r"attention\.self\.(query|key|value)\.(\w+)",
        "{block}/attention/{1}/{2}",
    ),
    (_BLOCK + r"attention\.output\.dense\.(\w+)", "{block}/attention/out/{1}"),
    (
        _BLOCK + r"attention\.output\.LayerNorm\.(\w+)",
        "{block}/attention_residual/norm/{1}",
    ),
    (_BLOCK + r"intermediate\.dense\.(\w+)", "{block}/feed_forward/inner/{1}"),
    (_BLOCK + r"output\.dense\.(\w+)", "{block}/feed_forward/outer/{1}"),
    (_BLOCK + r"output\.LayerNorm\.(\w+)", "{block}/feed_forward_residual/norm/{1}"),
)
"""Their name, and the path that it has here."""

_LEFT_OUT = r"(cls|dropout)\.|embeddings\.position_ids$"
"""Theirs that nothing here has a use for: heads of other tasks."""

_LAYERS = ("classifier", "pooler.dense")
"""Beside the encoder: the layer of labels, and the one before it that reads the first
state of a row."""


@dataclasses.dataclass(frozen=True)
class Bert:
    """A BERT that was read.

    Attributes:
      config: sizes and choices.
      params: of the encoder, float32.
      pieces: what its ids mean.
      classifier: the layer of labels where the folder has one: kernel, bias.
      pooler: the layer before it, of the encoder's width, where there is one.
      labels: what they are called, in order; empty where there are none.
    """

    config: TransformerConfig
    params: Params
    pieces: WordPieces
    classifier: Params | None
    pooler: Params | None
    labels: tuple[str, ...]


def is_hugging_face_folder(folder: Path) -> bool:
    """Whether `folder` looks like one; its contents are checked by loading."""
    try:
        return "model_type" in read_object(folder / CONFIG)
    except (OSError, ValueError):
        return False


def load_bert(folder: Path) -> Bert:
    """Reads a folder of BERT or multilingual BERT.

    Raises:
      FileNotFoundError: a file is not there.
      ValueError: it is no BERT, a parameter is missing, of another shape or unknown, or
        its tokenizer cuts words in another way than ours; names the file.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder}: there is no {name} in it")
    record = read_object(folder / CONFIG)
    config = _sizes(record, folder)
    pieces = load_pieces(folder)
    filling = config.vocab_size - pieces.size
    # Tables may be filled up to a round number of rows.
    if filling and (config.vocab_size % 8 or not 0 < filling < _MOST_FILLING):
        raise ValueError(
            f"{folder}: {pieces.size} pieces, but embeddings for {config.vocab_size}"
        )
    try:
        arrays = safetensors.numpy.load_file(folder / WEIGHTS)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS}: {error}") from error
    flat, beside = _renamed(arrays, folder)
    classifier, pooler = (beside[name] for name in _LAYERS)
    _demand_complete(flat, config, folder)
    # Ours is scaled up by the root of its width when it is read, BERT's is not.
    flat["embedding"] = flat["embedding"] / np.float32(config.width**0.5)
    labels = _labels(record, folder) if classifier else ()
    if classifier:
        # Where no label has a name, the layer itself says how many there are.
        count = len(labels) or len(classifier.get("bias", ()))
        _demand_layer("classifier", classifier, (config.width, count), folder)
    if pooler:
        shape = (config.width, config.width)
        _demand_layer("pooler.dense", pooler, shape, folder)
    params = trees.unflatten(flat)
    return Bert(config, params, pieces, classifier or None, pooler or None, labels)


def _sizes(record: dict[str, Any], folder: Path) -> TransformerConfig:
    if (kind := record.get("model_type")) != "bert":
        raise ValueError(f"{folder / CONFIG}: model_type is {kind!r}, not 'bert'")
    positions = record.get("position_embedding_type", "absolute")
    if positions != "absolute":
        raise ValueError(
            f"{folder / CONFIG}: position_embedding_type {positions!r} is not "
            "'absolute'"
        )
    if (activation := str(record.get("hidden_act", "gelu"))) not in _ACTIVATIONS:
        raise ValueError(
            f"{folder / CONFIG}: hidden_act {activation!r} is none of "
            f"{sorted(_ACTIVATIONS)}"
        )
    if record.get("is_decoder"):
        raise ValueError(f"{folder / CONFIG}: is_decoder is true; it is no encoder")
    for name in _WHOLE_NUMBERS:
        if name in record and type(record[name]) is not int:
            raise ValueError(
                f"{folder / CONFIG}: {name} is {record[name]!r}, no whole number"
            )
    try:
        return TransformerConfig(
            vocab_size=record["vocab_size"],
            width=record["hidden_size"],
            num_heads=record["num_attention_heads"],
            feed_forward=record["intermediate_size"],
            encoder_layers=record["num_hidden_layers"],
            decoder_layers=0,
            max_length=record["max_position_embeddings"],
            norm="post",
            positions="learned",
            activation=_ACTIVATIONS[activation],  # type: ignore[arg-type]
            embedding_norm=True,
            token_types=record["type_vocab_size"],
            dropout=record.get("hidden_dropout_prob", 0.1),
            norm_epsilon=record.get("layer_norm_eps", 1e-12),
        )
    except KeyError as error:
        raise ValueError(f"{folder / CONFIG}: there is no {error} in it") from error
    except (ValueError, TypeError) as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from error


def _labels(record: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Names of the labels in order; none where the folder gives none."""
    named = record.get("id2label") or {}
    if not isinstance(named, dict) or set(named) != {str(i) for i in range(len(named))}:
        raise ValueError(
            f"{folder / CONFIG}: id2label does not number labels from 0 on: "
            f"{list(named) if isinstance(named, dict) else named!r}"
        )
    return tuple(named[str(i)] for i in range(len(named)))


def _renamed(
    arrays: dict[str, np.ndarray], folder: Path
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, np.ndarray]]]:
    """Arrays by our paths; and of the layers beside, empty where there is none."""
    flat: dict[str, np.ndarray] = {}
    beside: dict[str, dict[str, np.ndarray]] = {name: {} for name in _LAYERS}
    for theirs, array in arrays.items():
        name = theirs.removeprefix("bert.")
        values = array.astype(np.float32)
        layer, _, leaf = name.rpartition(".")
        if layer in beside:
            turned = leaf == "weight"
            beside[layer]["kernel" if turned else leaf] = values.T if turned else values
        elif not re.match(_LEFT_OUT, name):
            path, turned = _path(name, folder)
            flat[path] = values.T if turned else values
    return flat, beside


def _path(name: str, folder: Path) -> tuple[str, bool]:
    """Where a parameter of theirs stands here, and whether it has to be transposed."""
    for pattern, template in _NAMES:
        if found := re.fullmatch(pattern, name):
            groups = found.groups()
            block = ""
            if template.startswith("{block}"):
                block = f"encoder/block_{int(groups[0]):02d}"
            path = template.format(*groups, block=block)
            *stem, leaf = path.split("/")
            if leaf not in ("weight", "bias", "gamma", "beta"):
                return path, False
            normed = stem[-1] in ("norm", "embedding_norm")
            leaf = {"gamma": "scale", "beta": "bias"}.get(leaf, leaf)
            if leaf == "weight":
                leaf = "scale" if normed else "kernel"
            return "/".join((*stem, leaf)), leaf == "kernel"
    raise ValueError(f"{folder / WEIGHTS}: {name} is no parameter of a BERT known here")


def _demand_complete(
    flat: dict[str, np.ndarray], config: TransformerConfig, folder: Path
) -> None:
    wanted = trees.flatten(transformer.parameter_shapes(config))
    for path in sorted({*wanted, *flat}):
        if path not in flat:
            raise ValueError(f"{folder / WEIGHTS}: there is no {path} in it")
        if not np.isfinite(flat[path]).all():
            raise ValueError(f"{folder / WEIGHTS}: {path} holds numbers that are none")
        there, here = flat[path].shape, wanted[path].shape if path in wanted else None
        if there != here:
            raise ValueError(
                f"{folder / WEIGHTS}: {path} has shape {there}, by {CONFIG} it is "
                f"{here}"
            )


def _demand_layer(
    name: str, layer: dict[str, np.ndarray], shape: tuple[int, int], folder: Path
) -> None:
    """Refuses half a layer, numbers that are none, and one of another shape.

    Args:
      name: theirs.
      layer: "kernel" and "bias".
      shape: of the kernel, as config.json has it.
      folder: where it was read.
    """
    for theirs, leaf in (("weight", "kernel"), ("bias", "bias")):
        if leaf not in layer:
            raise ValueError(f"{folder / WEIGHTS}: there is no {name}.{theirs} in it")
    if not all(np.isfinite(leaf).all() for leaf in layer.values()):
        raise ValueError(f"{folder / WEIGHTS}: the {name} holds numbers that are none")
    found = layer["kernel"].shape, layer["bias"].shape
    if found != (shape, shape[1:]):
        raise ValueError(
            f"{folder / WEIGHTS}: the {name}'s kernel and bias have shapes {found}, by "
            f"{CONFIG} they are {(shape, shape[1:])}"
        )
