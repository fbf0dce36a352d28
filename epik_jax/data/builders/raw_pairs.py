"""What the two builders have in common: the columns of a raw word pair.

Rows of a published file go in, TFDS examples come out, as published: normalising and
checking happen when they are read, so a prepared set outlives a change of the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from epik_jax.data.layouts import RawPair
from epik_jax.data.rows import RowReport

LANGUAGE_CONFIGS = ("hi", "ta", "kn", "bn")

_MAX_BAD_SHARE = 0.01


def pair_info(
    builder: tfds.core.DatasetBuilder, homepage: str
) -> tfds.core.DatasetInfo:
    """The description of a set of raw pairs, kept in the order of the file."""
    features = {
        "line": tfds.features.Scalar(np.int64, doc="Line of the published file."),
        "native": tfds.features.Text(doc="The word in its own script."),
        "latin": tfds.features.Text(doc="One romanisation of it."),
        "count": tfds.features.Scalar(np.int64, doc="Writers who gave it."),
        "origin": tfds.features.Text(doc="The list that the row came from."),
    }
    return tfds.core.DatasetInfo(
        builder=builder,
        features=tfds.features.FeaturesDict(features),
        supervised_keys=("native", "latin"),
        homepage=homepage,
        disable_shuffling=True,
    )


def raw_examples(
    rows: Iterable[RawPair], report: RowReport
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (line, example) for TFDS; stops where too many lines are unreadable.

    Args:
      rows: raw pairs of one file.
      report: the account that `rows` writes to.

    Raises:
      ValueError: more than one line in a hundred is unreadable.
    """
    names = ("line", "native", "latin", "count", "origin")
    for row in rows:
        yield row[0], dict(zip(names, row, strict=True))
    report.check(_MAX_BAD_SHARE)
