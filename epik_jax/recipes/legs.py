"""All legs of training among the settings of a run, found before any of them begins."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from epik_jax.parallel import mesh as meshes
from epik_jax.parallel.mesh import Mesh


def demand_split(settings: Any, mesh: Mesh) -> None:
    """Refuses batches that do not split over the mesh, the last stage's too.

    Args:
      settings: dataclass of a run.
      mesh: of the run.

    Raises:
      ValueError: a batch whose rows would not be equally many on each; with its key.
    """
    for where, leg in found(settings):
        rows, parts = leg.batches.batch_size, leg.loop.num_microbatches
        try:
            meshes.demand_split(mesh, rows, parts)
        except ValueError as error:
            raise ValueError(f"{where}.batches.batch_size: {error}") from error


def found(settings: Any, where: str = "config") -> Iterator[tuple[str, Any]]:
    """Whatever is trained by batches in a loop, unless a folder holds it finished.

    A finished model's folder is called `folder` inside of its settings, or stands
    beside them: `teacher_folder` beside `teacher`.

    Args:
      settings: dataclass of a run, or a value in it.
      where: key of it.

    Yields:
      Key and settings, which have `batches` and a `loop`.
    """
    if isinstance(settings, tuple):
        for index, item in enumerate(settings):
            yield from found(item, f"{where}[{index}]")
    elif dataclasses.is_dataclass(settings) and not getattr(settings, "folder", ""):
        names = [field.name for field in dataclasses.fields(settings)]
        if {"batches", "loop"} <= {*names}:
            yield where, settings
        for name in names:
            if not getattr(settings, f"{name}_folder", ""):
                yield from found(getattr(settings, name), f"{where}.{name}")
