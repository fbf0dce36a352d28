"""A prepared WikiAnn is what its files are: sentences, ids and account of all lines."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from published import WIKIANN, write_archives, write_wikiann

pytest.importorskip("tensorflow_datasets")

from epik_jax.data.builders import prepared
from epik_jax.data.conll import read_conll
from epik_jax.data.rows import RowReport
from epik_jax.structs import Sentence

SPLITS = {"train": "train", "validation": "dev", "test": "test"}
GOOD = WIKIANN["train"].encode()

Read = tuple[list[Sentence], RowReport]


@pytest.fixture(scope="module")
def wikiann(tmp_path_factory: pytest.TempPathFactory) -> str:
    """English, prepared from the archive as it is published."""
    place = write_wikiann(tmp_path_factory.mktemp("manual"))
    return written(place, tmp_path_factory.mktemp("tfds"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same from the files of the archive."""
    place = write_wikiann(tmp_path_factory.mktemp("manual"))
    with tarfile.open(place / "en.tar.gz") as archive:
        # Pythons before 3.11.4 know no filter, and would refuse it as an argument.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(place / "en")
    (place / "en.tar.gz").unlink()
    return written(place, tmp_path_factory.mktemp("tfds"))


def written(place: Path, folder: Path) -> str:
    return prepared.write_tfds("wikiann", "en", manual_dir=place, data_dir=folder)


def assert_equal(found: Read, direct: Read) -> None:
    """The sentences, and the accounts but for the name of what was read."""
    (sentences, report), (wanted, account) = found, direct
    assert sentences == wanted
    assert report == dataclasses.replace(account, path=report.path)


@pytest.mark.parametrize("place", ["wikiann", "unpacked"])
@pytest.mark.parametrize("split", SPLITS)
def test_prepared_wikiann_gives_the_sentences_of_the_file(
    place: str, split: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / SPLITS[split]
    path.write_text(WIKIANN[SPLITS[split]], encoding="utf-8")
    folder = request.getfixturevalue(place)
    found = prepared.read_tfds_sentences(folder, split, "en")
    assert_equal(found, read_conll(path, "en"))


def test_other_types_become_outside_words(wikiann: str) -> None:
    first, second, _ = prepared.read_tfds_sentences(
        wikiann, "train", "en", types=("LOC",)
    )[0]
    assert (first.tags, second.tags) == (("O", "O", "O"), ("O", "B-LOC"))


def test_what_is_bad_is_told_as_of_the_file(tmp_path: Path) -> None:
    bad = (
        b"\n\nen:Ada\tX-PER\n\n\n"  # No tag of IOB2, and lines that are empty.
        b"en:Ada\tI-PER\n\r\n"
        b"Ada\tB-PER\n\n"  # No prefix.
        b"en:Ada\n \n"  # No tag.
        b"en:Ada\t\n\n"
        b"en:Ad\xff\tO\nen:slept\tO\n\n"
        b"en:Ada\tO\nen:Pune\tO\tB-LOC\n"
    )
    text = GOOD * 60 + bad
    (tmp_path / "train").write_bytes(text)
    folder = written(write_wikiann(tmp_path, train=text), tmp_path / "tfds")
    found = prepared.read_tfds_sentences(folder, "train", "en", max_bad_share=0.1)
    assert_equal(found, read_conll(tmp_path / "train", "en", max_bad_share=0.1))
    assert found[1].causes["no 'en:' before the word"] == 1
    line = GOOD.count(b"\n") * 60 + 3
    assert found[1].firsts[0] == (
        f"{folder}[train]:{line}: no IOB2 tag: 'en:Ada\\tX-PER'"
    )
    with pytest.raises(ValueError, match=rf"\[train\]:{line}: no IOB2 tag"):
        prepared.read_tfds_sentences(folder, "train", "en", max_bad_share=0.001)


@pytest.mark.parametrize("text", [b"de:Ada\tB-PER\n\n" + GOOD, b"en:Ada B-PER\n\n"])
def test_another_layout_is_refused_by_line(tmp_path: Path, text: bytes) -> None:
    place = write_wikiann(tmp_path, train=text)
    with pytest.raises(ValueError, match=r"en/train:1: no 'en:', word, tab and tag"):
        written(place, tmp_path / "tfds")


def test_a_file_without_a_sentence_is_refused(tmp_path: Path) -> None:
    place = write_wikiann(tmp_path, dev=b"\n\n")
    with pytest.raises(ValueError, match="en/dev: no tagged sentence"):
        written(place, tmp_path / "tfds")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is empty\. Fetch the archive of the lang"):
        written(tmp_path, tmp_path)
    (tmp_path / "de.tar.gz").touch()
    with pytest.raises(ValueError, match=r"en/train nor .*en\.tar\.gz exists"):
        written(tmp_path, tmp_path / "tfds")
    with tarfile.open(tmp_path / "en.tar.gz", "w:gz"):
        pass
    with pytest.raises(ValueError, match=r"en\.tar\.gz holds no train"):
        written(tmp_path, tmp_path / "tfds")


@pytest.mark.parametrize("size", [0, 9, 150])
def test_a_cut_archive_is_named(tmp_path: Path, size: int) -> None:
    packed = write_wikiann(tmp_path) / "en.tar.gz"
    packed.write_bytes(packed.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"en\.tar\.gz is no whole archive"):
        written(tmp_path, tmp_path / "tfds")


def test_a_cut_record_file_is_refused_by_name(tmp_path: Path) -> None:
    folder = written(write_wikiann(tmp_path), tmp_path / "tfds")
    (file,) = Path(folder).glob("*train.array_record*")
    file.write_bytes(file.read_bytes()[: 1 << 16])
    with pytest.raises(ValueError, match=r"\[train\]: the records cannot be read"):
        prepared.read_tfds_sentences(folder, "train", "en")


def test_another_language_is_refused(wikiann: str) -> None:
    with pytest.raises(ValueError, match="is of 'en', and not of 'de'"):
        prepared.read_tfds_sentences(wikiann, "train", "de")


def test_pairs_are_no_sentences_and_sentences_are_no_pairs(
    wikiann: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no word pairs: these are tagged sentences"):
        prepared.read_tfds(wikiann, "train", "hi")
    pairs = prepared.write_tfds(
        "dakshina", "hi", manual_dir=write_archives(tmp_path), data_dir=tmp_path / "x"
    )
    with pytest.raises(ValueError, match="no tagged sentences: these are word pairs"):
        prepared.read_tfds_sentences(pairs, "train", "hi")


def test_a_folder_that_is_no_set_is_refused(wikiann: str) -> None:
    above = Path(wikiann).parent
    for read in (prepared.read_tfds, prepared.read_tfds_sentences):
        with pytest.raises(ValueError, match=r"en has no dataset_info\.json; name the"):
            read(above, "train", "en")


def test_tensorflow_is_never_imported(tmp_path: Path) -> None:
    program = f"""
import sys
from epik_jax.data.builders import prepared
folder = prepared.write_tfds(
    "wikiann", "en", manual_dir={str(write_wikiann(tmp_path))!r},
    data_dir={str(tmp_path / "tfds")!r},
)
sentences, _ = prepared.read_tfds_sentences(folder, "train", "en")
assert len(sentences) == 3, sentences
assert "tensorflow" not in sys.modules, "TensorFlow was imported"
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(prepared.__file__).parents[3],
    )
    assert ended.returncode == 0, ended.stderr
