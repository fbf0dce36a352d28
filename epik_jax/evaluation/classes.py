"""Labels of whole sentences: which were found, counted as entities are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epik_jax.evaluation.entities import EntityScores

MODE = "one label a sentence"


def class_scores(there: Sequence[str], written: Sequence[str]) -> EntityScores:
    """Compares labels with labels; each sentence has one of either.

    Args:
      there: by people.
      written: as many, by a system.

    Raises:
      ValueError: unequal numbers of sentences.
    """
    if len(there) != len(written):
        raise ValueError(f"{len(there)} sentences against {len(written)}")
    classes = tuple(sorted({*there, *written}))
    theirs, ours = (
        np.array([[label == name for name in classes] for label in labels], np.int64)
        for labels in (there, written)
    )
    return EntityScores(classes, theirs & ours, ours, theirs)
