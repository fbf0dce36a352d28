"""What a tagging student begins as: drawn, but for what its embeddings are taken from.

Settings and a teacher go in; the tree that the first stage trains comes out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from epik_jax.models import initial, labeller
from epik_jax.models.labeller_config import BilstmLabellerConfig
from epik_jax.recipes.tagging.distillation import bridge_shapes
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.text.wordpiece import WordPieces


def initial_student(
    config: TaggingStudentConfig,
    model: BilstmLabellerConfig,
    pieces: WordPieces,
    teacher: LabellingNetwork,
) -> dict[str, Any]:
    """Parameters before the first stage; embeddings as the teacher's in few dimensions.

    The SVD is of the rows of the pieces that are kept (XtremeDistil, section 4.1), at
    the scale at which drawn embeddings are.

    Raises:
      ValueError: the teacher's embeddings have fewer directions.
    """
    shapes: dict[str, Any] = {"student": labeller.parameter_shapes(model)}
    if config.model.projection == "bridge" and "representation" in config.parts:
        taught = teacher.config.width_of(config.layer)
        shapes["bridge"] = bridge_shapes(2 * model.hidden, taught)
    params = initial.init_params(shapes, config.seed)
    if config.start == "svd":
        table = _rows_of(teacher, pieces)
        if model.embedding > table.shape[1]:
            raise ValueError(
                f"student.model.embedding is {model.embedding}, and the teacher's have "
                f"{table.shape[1]} numbers: ask for no more, or for start 'random'"
            )
        params["student"]["embedding"] = _condensed(table, model.embedding)
    return params  # type: ignore[no-any-return]


def _rows_of(teacher: LabellingNetwork, pieces: WordPieces) -> np.ndarray:
    """The teacher's embeddings of some of its pieces, [V, D]."""
    place = {piece: index for index, piece in enumerate(teacher.pieces.pieces)}
    kept = [place[piece] for piece in pieces.pieces]
    params = teacher.params
    # Of an encoder within the network, of a BiLSTM beside it.
    return np.asarray(params.get("transformer", params)["embedding"])[kept]


def _condensed(table_VD: np.ndarray, width: int) -> np.ndarray:
    """The rows in the `width` directions in which they are largest."""
    square = table_VD.astype(np.float64).T @ table_VD
    _, directions = np.linalg.eigh(square)  # Rising: the last are the largest.
    found_VE = table_VD @ directions[:, ::-1][:, :width]
    return (found_VE / found_VE.std() * width**-0.5).astype(np.float32)
