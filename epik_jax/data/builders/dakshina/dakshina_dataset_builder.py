"""TFDS builder of the Dakshina lexicons: native words and their romanisations.

The published archive, or the folder unpacked from it, goes in; prepared splits train,
validation and test come out. Nothing is fetched: the archive is placed by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import tensorflow_datasets as tfds
from etils import epath

from epik_jax.data import layouts
from epik_jax.data.builders import archives, raw_pairs
from epik_jax.data.rows import RowReport, split_lines

_ROOT = "dakshina_dataset_v1.0"
_SPLITS = {"train": "train", "validation": "dev", "test": "test"}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Dakshina romanisation lexicons, one config per language.

    Source: Roark et al. 2020, "Processing South Asian Languages Written in the Latin
    Script: the Dakshina Dataset".
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "Lexicons of release v1.0."}
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(name=lang) for lang in raw_pairs.LANGUAGE_CONFIGS
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"""
    Fetch {_ROOT}.tar from https://github.com/google-research-datasets/dakshina, place
    it in the manual directory and leave it packed or unpack it there.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return raw_pairs.pair_info(
            self, "https://github.com/google-research-datasets/dakshina"
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        return {
            split: self._generate_examples(dl_manager.manual_dir, name)
            for split, name in _SPLITS.items()
        }

    def _generate_examples(
        self, manual_dir: epath.Path, name: str
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        lang = self.builder_config.name
        member = f"{_ROOT}/{lang}/lexicons/{lang}.translit.sampled.{name}.tsv"
        report = RowReport(member)
        content = archives.published_file(
            manual_dir / member, manual_dir / f"{_ROOT}.tar", member
        )
        lines = split_lines(content, report)
        yield from raw_pairs.raw_examples(layouts.dakshina_rows(lines, report), report)
