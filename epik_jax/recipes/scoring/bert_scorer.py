"""Scorers that come from Hugging Face folders of a BERT: begun as one, or finished.

A folder and settings go in; sizes, parameters and pieces come out. Nothing is trained
here.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np

from epik_jax.interop.huggingface import Bert, load_bert
from epik_jax.models.scorer_config import EncoderScorerConfig
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.text.wordpiece import WordPieces


@dataclasses.dataclass(frozen=True)
class BertScorer:
    """A BERT as a scorer of ours.

    Attributes:
      config: sizes; those of the folder.
      params: "transformer", "pooler" where the folder has one, and "headers" where it
        has a layer of the very classes.
      pieces: the folder's.
      labels: of the folder; empty where it has none.
    """

    config: EncoderScorerConfig
    params: dict[str, Any]
    pieces: WordPieces
    labels: tuple[str, ...]


def read_bert(
    folder: Path, model: EncoderConfig, labels: tuple[str, ...]
) -> BertScorer:
    """Reads a folder.

    Args:
      folder: as Hugging Face stores it.
      model: whose `max_length`, `dropout` and `matmul_dtype` hold.
      labels: classes of the data.

    Raises:
      FileNotFoundError: a file of the folder is missing.
      ValueError: there is no BERT in it, or one of too few positions or segments.
    """
    bert = load_bert(folder)
    if model.max_length > bert.config.max_length:
        raise ValueError(
            f"{folder} has positions for {bert.config.max_length} pieces, and "
            f"model.max_length is {model.max_length}: lower it, and the widest batches"
        )
    encoder = dataclasses.replace(
        bert.config,
        max_length=model.max_length,
        dropout=model.dropout,
        matmul_dtype=model.matmul_dtype,
    )
    logging.info(
        "%s: width %d, %d blocks, %d pieces, whatever model says of sizes",
        *(folder, encoder.width, encoder.encoder_layers, bert.pieces.size),
    )
    try:
        config = EncoderScorerConfig(encoder, labels)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
    positions = bert.params["position_embedding"][: model.max_length]
    params: dict[str, Any] = {
        "transformer": {**bert.params, "position_embedding": positions}
    }
    if bert.pooler:
        params["pooler"] = bert.pooler
    if bert.pooler and set(_plain(bert.labels)) == set(_plain(labels)):
        params["headers"] = _header(bert, labels)
    return BertScorer(config, params, bert.pieces, bert.labels)


def _plain(labels: tuple[str, ...]) -> list[str]:
    """Folders write the same classes in small letters and in capitals."""
    return [label.casefold() for label in labels]


def _header(bert: Bert, labels: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The layer of labels as the only header, its columns in our order."""
    assert bert.classifier is not None
    columns = [_plain(bert.labels).index(label) for label in _plain(labels)]
    kernel, bias = (bert.classifier[name] for name in ("kernel", "bias"))
    return {"stacked_kernel": kernel[None][..., columns], "bias": bias[None, columns]}
