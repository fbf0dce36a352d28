"""Teachers that come from Hugging Face folders of a BERT: begun as one, or finished.

A folder and settings go in; a network of ours over the folder's pieces comes out, with
or without a layer of labels. Nothing is trained here.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jax.sharding import Mesh

from epik_jax import trees
from epik_jax.interop.huggingface import Bert, load_bert
from epik_jax.interop.model_folder import Labeller, ModelFolder
from epik_jax.models import initial
from epik_jax.models.labeller_config import EncoderLabellerConfig
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.provenance import last_parts, story
from epik_jax.recipes.tagging.corpus import TaggedDataConfig
from epik_jax.recipes.tagging.teacher_config import TeacherConfig
from epik_jax.structs import Params
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.text.wordpiece import WordPieces


@dataclasses.dataclass(frozen=True)
class BertStart:
    """What a teacher begins as.

    Attributes:
      config: of the teacher; its sizes are the folder's.
      params: "transformer"; and "head" where the folder has the teacher's labels.
      pieces: the folder's.
      labels: of the folder, in its own order; empty where it has none.
    """

    config: EncoderLabellerConfig
    params: Params
    pieces: WordPieces
    labels: tuple[str, ...]

    @functools.cached_property
    def digest(self) -> str:
        """sha256 over what is taken from the folder."""
        return ModelFolder(self.params, self.config, self.pieces, {}).digest


def read_start(config: TeacherConfig, data: TaggedDataConfig) -> BertStart | None:
    """The BERT that a teacher begins as; None where it begins as nothing.

    Raises:
      FileNotFoundError: a file of the folder is missing.
      ValueError: there is no BERT in it, or one of too few positions.
    """
    if not config.start_folder:
        return None
    return _read(Path(config.start_folder), config.model, data)


def begun_params(shapes: Params, start: BertStart, seed: int) -> dict[str, Any]:
    """Parameters before the first stage.

    Args:
      shapes: of all of them, those of the teacher below "student".
      start: whose are taken over.
      seed: from which the others are drawn.
    """
    given = trees.flatten(start.params, "student/")
    return trees.unflatten(
        {
            path: given[path] if path in given else initial.draw(path, leaf.shape, seed)
            for path, leaf in trees.flatten(shapes).items()
        }
    )


def read_finished(
    folder: Path, model: EncoderConfig, data: TaggedDataConfig, mesh: Mesh | None
) -> LabellingNetwork:
    """A BERT that tags already, as a teacher that needs no training.

    Args:
      folder: as Hugging Face stores it.
      model: whose `max_length` and `matmul_dtype` hold; other sizes are the folder's.
      data: how sentences are labelled.
      mesh: devices that it answers on.

    Raises:
      FileNotFoundError: a file of the folder is missing.
      ValueError: there is no BERT in it, or one of too few positions or other labels.
    """
    start = _read(folder, model, data)
    if "head" not in start.params:
        raise ValueError(
            f"teacher_folder {folder}: it labels words as {start.labels or 'nothing'}, "
            f"here {data.task} are labelled as {data.labels}"
        )
    return LabellingNetwork(start.params, start.config, start.pieces, mesh)


def retold(
    teacher: LabellingNetwork, folder: Path, langs: tuple[str, ...], command: str
) -> Labeller:
    """A finished teacher as a model of ours, which says that others trained it.

    Args:
      teacher: as it was read.
      folder: from where.
      langs: that it is asked about here.
      command: of the run.
    """
    model: Labeller = ModelFolder(teacher.params, teacher.config, teacher.pieces, {})
    learnt = f"not known here: read as it is from {last_parts(folder)}"
    about = story("xtremedistil", [learnt], command, {"start": model.digest})
    return dataclasses.replace(model, about={**about, "languages": list(langs)})


def _read(folder: Path, model: EncoderConfig, data: TaggedDataConfig) -> BertStart:
    bert = load_bert(folder)
    if model.max_length > bert.config.max_length:
        raise ValueError(
            f"{folder} has positions for {bert.config.max_length} pieces, and "
            f"teacher.model.max_length is {model.max_length}: lower it, and the widest "
            "batches"
        )
    encoder = dataclasses.replace(
        bert.config,
        max_length=model.max_length,
        dropout=model.dropout,
        matmul_dtype=model.matmul_dtype,
    )
    logging.info(
        "%s: width %d, %d blocks, %d pieces, whatever teacher.model says of sizes",
        *(folder, encoder.width, encoder.encoder_layers, bert.pieces.size),
    )
    positions = bert.params["position_embedding"][: model.max_length]
    params = {"transformer": {**bert.params, "position_embedding": positions}}
    whole = data.task == "sentences"
    # Of sentences, its layer would read another state than ours.
    if not whole and set(bert.labels) == set(data.labels):
        params["head"] = _reordered(bert, data.labels)
    pooling: Literal["none", "first"] = "first" if whole else "none"
    config = EncoderLabellerConfig(encoder, data.labels, pooling)
    return BertStart(config, params, bert.pieces, bert.labels)


def _reordered(bert: Bert, labels: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The layer of labels with its columns in another order."""
    assert bert.classifier is not None
    columns = [bert.labels.index(label) for label in labels]
    kernel, bias = (bert.classifier[name] for name in ("kernel", "bias"))
    return {"kernel": kernel[:, columns], "bias": bias[columns]}
