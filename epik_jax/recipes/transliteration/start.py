"""What a student begins as: the teacher's parameters as far as they fit, or drawn ones.

Settings and a teacher's sizes go in; the tree that the first stage trains comes out, or
what is in its way, which is known before anything is trained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from epik_jax import trees
from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.transliteration.student import StudentConfig
from epik_jax.teachers.forward import Network

_BLOCK = re.compile(r"(student/(encoder|decoder)/block_)(\d+)(/.*)")
_OWN_TABLE, _TABLE = "student/encoder_embedding", "student/embedding"


def demand_start(
    config: StudentConfig, model: TransformerConfig, teacher: TransformerConfig
) -> None:
    """Refuses a student that could not begin, or would have nothing to train.

    Args:
      config: how it begins, and its stages.
      model: its sizes.
      teacher: sizes of the teacher, over the same vocabulary.

    Raises:
      ValueError: the teacher has no parameter of that shape to start from, a stage that
        imitates states of another width does not train the bridge to them, or one would
        train what is not there.
    """
    _plan(config, model, teacher)


def student_shapes(
    config: StudentConfig, model: TransformerConfig, teacher: TransformerConfig
) -> dict[str, Any]:
    """Shapes of all that trains: {"student": ...}, and "bridge" if needed.

    Raises:
      ValueError: as `demand_start`.
    """
    return trees.unflatten(_plan(config, model, teacher)[0])


def initial_student(
    config: StudentConfig, model: TransformerConfig, teacher: Network
) -> dict[str, Any]:
    """Parameters before the first stage: {"student": ...}, and "bridge" if needed.

    From a teacher of equal width: the first block of a side starts as the teacher's
    first, the last as its last, those between as what lies as far along; so a
    shallower student skips blocks and a deeper one repeats them. Where widths differ a
    bridge leads from the student's states to the teacher's; it trains with the student
    and is not exported.

    Raises:
      ValueError: as `demand_start`.
    """
    shapes, sources = _plan(config, model, teacher.config)
    given = trees.flatten(teacher.params, "student/")
    return trees.unflatten(
        {
            path: np.asarray(given[sources[path]])
            if path in sources
            else initial.draw(path, leaf.shape, config.seed)
            for path, leaf in shapes.items()
        }
    )


def _plan(
    config: StudentConfig, model: TransformerConfig, teacher: TransformerConfig
) -> tuple[dict[str, Any], dict[str, str]]:
    """Shapes of all parameters, and which of them begin as which of the teacher's.

    Returns:
      Path -> what has the shape of a parameter, of the student and of the bridge; and
      path in the student -> path in the teacher, of what is not drawn.

    Raises:
      ValueError: as `demand_start`.
    """
    student = {"student": transformer.parameter_shapes(model)}
    shapes = trees.flatten(student) | _bridge_shapes(config, model, teacher)
    sources = _sources(config, shapes, model, teacher)
    for stage in config.stages:
        try:
            trees.partition(trees.unflatten(shapes), stage.trainable)
        except ValueError as error:
            raise ValueError(f"stage {stage.name}: trainable: {error}") from error
    return shapes, sources


def _bridge_shapes(
    config: StudentConfig, model: TransformerConfig, teacher: TransformerConfig
) -> dict[str, jax.ShapeDtypeStruct]:
    """None where widths are equal, or no stage imitates encoder states."""
    imitating = [s for s in config.stages if s.imitation.hidden]
    if model.width == teacher.width or not imitating:
        return {}
    shapes = {"kernel": (model.width, teacher.width), "bias": (teacher.width,)}
    for stage in imitating:
        if not any(re.search(rule, "bridge/hidden/kernel") for rule in stage.trainable):
            raise ValueError(
                f"stage {stage.name}: student and teacher differ in width; name the "
                'bridge between them in trainable: "^bridge/"'
            )
    return {
        f"bridge/hidden/{name}": jax.ShapeDtypeStruct(shape, np.float32)
        for name, shape in shapes.items()
    }


def _sources(
    config: StudentConfig,
    shapes: Mapping[str, Any],
    model: TransformerConfig,
    teacher: TransformerConfig,
) -> dict[str, str]:
    """Path in the student -> path in the teacher of what it starts as."""
    if config.start == "random":
        return {}
    there = trees.flatten({"student": transformer.parameter_shapes(teacher)})
    if model.shared_embedding and _OWN_TABLE in there:
        raise ValueError(
            "the teacher has an encoder_embedding of its own; set "
            "student.model.shared_embedding to False"
        )
    found = {}
    for path, leaf in shapes.items():
        if path.startswith(("student/gate/", "bridge/")):
            continue
        source = _counterpart(path, model, teacher)
        if source == _OWN_TABLE and _OWN_TABLE not in there:
            source = _TABLE
        if source not in there or there[source].shape != leaf.shape:
            raise ValueError(
                f"the teacher has no {path} of shape {leaf.shape}; "
                "set student.start to 'random'"
            )
        found[path] = source
    return found


def _counterpart(
    path: str, student: TransformerConfig, teacher: TransformerConfig
) -> str:
    """Path in the teacher of what lies as far along as a leaf of the student."""
    found = _BLOCK.fullmatch(path)
    if not found:
        return path
    before, side, number, after = found.groups()
    last, taught_last = (
        getattr(config, f"{side}_layers") - 1 for config in (student, teacher)
    )
    place = round(int(number) * taught_last / max(last, 1))
    return f"{before}{place:02d}{after}"
