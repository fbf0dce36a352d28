"""Text pairs out of folders that TFDS prepared by builders of its own: GLUE and kin.

A folder and a split go in; pairs come out, checked as those of a file are. Columns are
found by their names. TensorFlow is never imported.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from epik_jax.data.builders.prepared import builder_of, data_source, records
from epik_jax.data.pair_lines import Columns
from epik_jax.data.rows import RowReport
from epik_jax.data.text_pairs import NO_GOLD, FoundPairs
from epik_jax.structs import TextPair


def read_tfds_pairs(
    directory: str | os.PathLike[str],
    split: str,
    labels: Sequence[str],
    *,
    max_bad_share: float = 0.01,
) -> tuple[list[TextPair], RowReport]:
    """Reads pairs from a prepared folder, as `read_text_pairs` from a file.

    Args:
      directory: a version's folder, such as "data/glue/rte/2.0.0", written as
        array_record.
      split: of the set, such as "validation_matched".
      labels: that are known, as the set names its classes; empty where labels are not
        wanted.
      max_bad_share: largest share of bad rows to go on with.

    Returns:
      The pairs in order, and what became of every row; lines are rows, from 1.

    Raises:
      ValueError: too many bad rows, or the folder holds no pairs.
      ImportError: the extra `tfds` is not installed.
    """
    builder = builder_of(directory)
    columns = Columns.among(list(builder.info.features))
    if columns is None or (labels and columns.label is None):
        raise ValueError(
            f"{os.fspath(directory)} holds no text pairs: it has "
            f"{', '.join(builder.info.features)}"
        )
    report = RowReport(f"{os.fspath(directory)}[{split}]")
    found = FoundPairs(split, tuple(labels), report)
    name_a, name_b, name = columns.text_a, columns.text_b, columns.label
    known = builder.info.features[name] if name else None
    for number, row in enumerate(records(data_source(builder, split), report), 1):
        report.read += 1
        label = "" if known is None else _named(known, row[str(name)])
        found.add(number, row[name_a].decode(), row[name_b].decode(), label)
    report.check(max_bad_share)
    if not found.pairs:
        raise ValueError(f"{report.path}: no pair of texts in it")
    return found.pairs, report


def _named(feature: Any, value: Any) -> str:
    """A class by its name; of one below 0 nobody agreed on which it is."""
    if not hasattr(feature, "int2str"):
        return value.decode() if isinstance(value, bytes) else str(value)
    return str(feature.int2str(int(value))) if int(value) >= 0 else NO_GOLD
