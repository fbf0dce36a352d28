"""BERT as Hugging Face stores it, as a network of ours.

A folder with config.json, model.safetensors and vocab.txt goes in; sizes, parameters
and pieces come out. Names are mapped by the table below and by nothing else; nothing of
the libraries that wrote the folder is needed to read it.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from epik_jax import trees
from epik_jax.models.config import TransformerConfig
from epik_jax.structs import Params
from epik_jax.text.wordpiece import WordPieces

WEIGHTS, CONFIG, PIECES = "model.safetensors", "config.json", "vocab.txt"
TOKENIZER = "tokenizer_config.json"

_ACTIVATIONS = {"gelu": "gelu_exact", "gelu_new": "gelu", "relu": "relu"}

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

_LEFT_OUT = r"(pooler|cls|classifier|dropout)\.|embeddings\.position_ids$"
"""Theirs that a labeller has no use for: heads of other tasks."""


@dataclasses.dataclass(frozen=True)
class Bert:
    """A BERT that was read.

    Attributes:
      config: sizes and choices.
      params: of the encoder, float32.
      pieces: what its ids mean.
      classifier: the layer of labels where the folder has one: kernel, bias.
      labels: what they are called, in order; empty where there are none.
    """

    config: TransformerConfig
    params: Params
    pieces: WordPieces
    classifier: Params | None
    labels: tuple[str, ...]


def load_bert(folder: Path) -> Bert:
    """Reads a folder of BERT or multilingual BERT.

    Raises:
      FileNotFoundError: a file is not there.
      ValueError: it is no BERT, a parameter is missing, of another shape or unknown, or
        nothing says whether its pieces keep case.
    """
    for name in (CONFIG, WEIGHTS, PIECES, TOKENIZER):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder}: there is no {name} in it")
    record = _json(folder / CONFIG)
    config = _sizes(record, folder)
    arrays = safetensors.numpy.load_file(folder / WEIGHTS)
    flat, classifier = _renamed(arrays, folder)
    # Ours is scaled up by the root of its width when it is read, BERT's is not.
    if "embedding" in flat:
        flat["embedding"] = flat["embedding"] / np.float32(config.width**0.5)
    _demand_complete(flat, config, folder)
    lines = (folder / PIECES).read_text(encoding="utf-8").split("\n")
    pieces = WordPieces(
        lines[:-1] if not lines[-1] else lines, lowercase=_lowercase(folder)
    )
    if pieces.size > config.vocab_size:
        raise ValueError(
            f"{folder}: {pieces.size} pieces, but embeddings for {config.vocab_size}"
        )
    labels = record.get("id2label", {}) if classifier else {}
    named = tuple(labels[k] for k in sorted(labels, key=int))
    return Bert(config, trees.unflatten(flat), pieces, classifier, named)


def _sizes(record: dict[str, Any], folder: Path) -> TransformerConfig:
    if (kind := record.get("model_type")) != "bert":
        raise ValueError(f"{folder / CONFIG}: model_type is {kind!r}, not 'bert'")
    positions = record.get("position_embedding_type", "absolute")
    if positions != "absolute":
        raise ValueError(
            f"{folder / CONFIG}: position_embedding_type {positions!r} is not "
            "'absolute'"
        )
    if (activation := record.get("hidden_act", "gelu")) not in _ACTIVATIONS:
        raise ValueError(
            f"{folder / CONFIG}: hidden_act {activation!r} is none of "
            f"{sorted(_ACTIVATIONS)}"
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


def _renamed(
    arrays: dict[str, np.ndarray], folder: Path
) -> tuple[dict[str, np.ndarray], Params | None]:
    """Arrays by our paths, and the layer of labels where there is one."""
    flat, classifier = {}, {}
    for theirs, array in arrays.items():
        name = theirs.removeprefix("bert.")
        values = array.astype(np.float32)
        if name in ("classifier.weight", "classifier.bias"):
            leaf = "kernel" if name.endswith("weight") else "bias"
            classifier[leaf] = values.T if leaf == "kernel" else values
        elif not re.match(_LEFT_OUT, name):
            path, turned = _path(name, folder)
            flat[path] = values.T if turned else values
    return flat, classifier if len(classifier) == 2 else None


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
    from epik_jax.models import transformer

    wanted = trees.flatten(transformer.parameter_shapes(config))
    for path in sorted({*wanted, *flat}):
        there, here = (t[path].shape if path in t else None for t in (flat, wanted))
        if there != here:
            raise ValueError(
                f"{folder / WEIGHTS}: {path} has shape {there}, by {CONFIG} it is "
                f"{here}"
            )


def _lowercase(folder: Path) -> bool:
    found = _json(folder / TOKENIZER).get("do_lower_case")
    if not isinstance(found, bool):
        raise ValueError(
            f"{folder / TOKENIZER}: do_lower_case is {found!r}; say true or false there"
        )
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path} is not an object")
    return record
