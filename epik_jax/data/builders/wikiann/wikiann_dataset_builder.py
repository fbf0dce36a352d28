"""TFDS builder of WikiAnn: sentences of Wikipedia whose names are tagged.

The published archive of a language, or the folder unpacked from it, goes in; prepared
splits train, validation and test come out, as published: normalising and checking
happen when they are read. Nothing is fetched: archives are placed by hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

from epik_jax.data.builders import archives
from epik_jax.data.builders.raw_sentences import FILES, Lines, raw_sentences
from epik_jax.data.rows import RowReport, raw_lines

_HOMEPAGE = "https://github.com/afshinrahimi/mmner"
_LANGS = (
    "af ar bg bn bs ca cs da de el en es et fa fi fr he hi hr hu id it lt lv mk ms nl "
    "no pl pt ro ru sk sl sq sv ta tl tr uk vi"
)
_MAX_BAD_SHARE = 0.01


class Builder(tfds.core.GeneratorBasedBuilder):
    """WikiAnn, one config per language, those that XtremeDistil was measured on.

    Source: Pan et al. 2017, "Cross-lingual Name Tagging and Linking for 282 Languages";
    Rahimi et al. 2019, "Massively Multilingual Transfer for NER" (the splits).
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "The balanced splits of 2019."}
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(name=lang) for lang in _LANGS.split()
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"""
    Fetch the archive of the language, such as en.tar.gz, by the link in {_HOMEPAGE},
    place it in the manual directory and leave it packed, or unpack it there into a
    folder of the language's name, such as en.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text()
        features = {
            "line": tfds.features.Scalar(np.int64, doc="Line of the published file."),
            "words": tfds.features.Sequence(text, doc="As they stand: 'en:Paris'."),
            "tags": tfds.features.Sequence(text, doc="One for each word, in IOB2."),
            "empty": tfds.features.Scalar(np.int64, doc="Empty lines that follow."),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("words", "tags"),
            homepage=_HOMEPAGE,
            disable_shuffling=True,
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        return {
            split: self._generate_examples(dl_manager.manual_dir, name)
            for split, name in FILES.items()
        }

    def _generate_examples(
        self, manual_dir: epath.Path, name: str
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        lang = self.builder_config.name
        report = RowReport(f"{lang}/{name}")
        content = archives.published_file(
            manual_dir / lang / name, manual_dir / f"{lang}.tar.gz", name
        )
        for sentence in raw_sentences(_recognised(raw_lines(content), lang, report)):
            yield sentence.line, dataclasses.asdict(sentence)
        report.check(_MAX_BAD_SHARE)
        if not report.kept:
            raise ValueError(f"{report.path}: no tagged sentence in it")


def _recognised(
    lines: Lines, lang: str, report: RowReport
) -> Iterator[tuple[int, bytes]]:
    """Passes all lines on; `report` is told of those that are not in the layout."""
    prefix = f"{lang}:".encode()
    for number, line in lines:
        report.read += 1
        if not line.strip():
            report.drop("between sentences")
        elif line.startswith(prefix) and b"\t" in line:
            report.keep(1)
        else:
            shown = line.decode("utf-8", "replace")
            report.refuse(number, f"no '{lang}:', word, tab and tag", shown)
        yield number, line
