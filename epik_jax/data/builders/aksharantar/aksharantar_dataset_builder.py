"""TFDS builder of Aksharantar: transliteration pairs of Indian languages.

The published zip of a language goes in; prepared splits train, validation and test come
out. Nothing is fetched: the zip is placed by hand.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any, ClassVar

import tensorflow_datasets as tfds
from etils import epath

from epik_jax.data import layouts
from epik_jax.data.builders import raw_pairs
from epik_jax.data.rows import RowReport, split_lines

_SPLITS = {"train": "train", "validation": "valid", "test": "test"}
_ISO_639_3 = {"hi": "hin", "ta": "tam", "kn": "kan", "bn": "ben"}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Aksharantar word pairs, one config per language.

    Source: Madhani et al. 2023, "Aksharantar: Open Indic-language Transliteration
    datasets and models for the Next Billion Users".
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "The zips as published."}
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(name=lang) for lang in raw_pairs.LANGUAGE_CONFIGS
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Fetch the zip of the language (hin.zip, tam.zip, kan.zip, ben.zip) from
    https://huggingface.co/datasets/ai4bharat/Aksharantar and place it in the manual
    directory.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return raw_pairs.pair_info(
            self, "https://huggingface.co/datasets/ai4bharat/Aksharantar"
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        code = _ISO_639_3[self.builder_config.name]
        return {
            split: self._generate_examples(
                dl_manager.manual_dir / f"{code}.zip", f"{code}_{name}.json"
            )
            for split, name in _SPLITS.items()
        }

    def _generate_examples(
        self, packed: epath.Path, member: str
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        report = RowReport(f"{packed.name}/{member}")
        lines = split_lines(_content(packed, member), report)
        rows = layouts.aksharantar_json_rows(lines, report)
        yield from raw_pairs.raw_examples(rows, report)


def _content(packed: epath.Path, member: str) -> bytes:
    """One file of the zip, in whichever folder inside it stands."""
    if not packed.exists():
        raise ValueError(f"{packed} does not exist; place the published zip there")
    with packed.open("rb") as file, zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if posixpath.basename(name) == member:
                return archive.read(name)
        raise ValueError(f"{packed} holds no {member}, only {archive.namelist()}")
