"""Pairs that TFDS prepared are those of the file, and annotators' quarrels are told."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("tensorflow_datasets")

import tensorflow_datasets as tfds
from tensorflow_datasets.core.registered import skip_registration

from epik_jax.data.builders.prepared_pairs import read_tfds_pairs

ROWS = [("a café", "b", 0), ("c", "d", 1), ("e", "f", -1), ("g", "h", 1)]


def builder_class(features, rows):
    """A builder as TFDS has them for GLUE."""
    with skip_registration():

        class Pairs(tfds.core.GeneratorBasedBuilder):
            name = "pairs"
            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                return tfds.core.DatasetInfo(
                    builder=self, features=tfds.features.FeaturesDict(features)
                )

            def _split_generators(self, dl_manager):
                return {"train": self._generate_examples()}

            def _generate_examples(self):
                for number, row in enumerate(rows):
                    yield f"{number:03d}", dict(zip(features, row, strict=True))

    return Pairs


def prepared(tmp_path, features, rows=ROWS):
    made = builder_class(features, rows)(
        data_dir=str(tmp_path), file_format="array_record"
    )
    made.download_and_prepare()
    return Path(made.data_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    label = tfds.features.ClassLabel(names=["entailment", "not_entailment"])
    features = {
        "sentence1": tfds.features.Text(),
        "sentence2": tfds.features.Text(),
        "label": label,
    }
    return prepared(tmp_path_factory.mktemp("pairs"), features)


LABELS = ("entailment", "not_entailment")


def test_rows_are_pairs_with_the_names_of_their_classes(folder):
    pairs, report = read_tfds_pairs(folder, "train", LABELS)
    found = {(p.text_a, p.text_b, p.label) for p in pairs}
    assert found == {
        ("a café", "b", "entailment"),
        ("c", "d", "not_entailment"),
        ("g", "h", "not_entailment"),
    }
    assert report.dropped == {"no label agreed on": 1} and report.read == 4


def test_labels_may_be_left_out(folder):
    pairs, _ = read_tfds_pairs(folder, "train", ())
    assert len(pairs) == 4 and {pair.label for pair in pairs} == {""}


def test_other_classes_splits_and_columns_are_told(folder, tmp_path):
    with pytest.raises(ValueError, match="label is none of"):
        read_tfds_pairs(folder, "train", ("yes", "no"))
    with pytest.raises(ValueError, match="no split 'test'"):
        read_tfds_pairs(folder, "test", LABELS)
    with pytest.raises(ValueError, match="no dataset_info"):
        read_tfds_pairs(tmp_path, "train", LABELS)
    odd = prepared(tmp_path, {"words": tfds.features.Text()}, [("x",)])
    with pytest.raises(ValueError, match="holds no text pairs: it has words"):
        read_tfds_pairs(odd, "train", LABELS)
