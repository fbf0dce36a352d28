"""Claims about prepared folders, from archives in the published layouts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from published import AKSHARANTAR, DAKSHINA, json_lines, write_archives

pytest.importorskip("tensorflow_datasets")

from epik_jax.data import sources
from epik_jax.data.builders import prepared
from epik_jax.data.pairs import WordPair

SPLITS = {"train": "train", "validation": "dev", "test": "test"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manual directory with both archives, packed as they are published."""
    return write_archives(tmp_path_factory.mktemp("manual"))


@pytest.fixture(scope="module")
def dakshina(place: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return prepared.write_tfds(
        "dakshina", "hi", manual_dir=place, data_dir=tmp_path_factory.mktemp("tfds")
    )


def content(pairs: list[WordPair]) -> list[tuple[str, str, int, str, str]]:
    """Pairs without the file's name, but with the line."""
    return [
        (p.native, p.latin, p.count, p.origin, p.where.rpartition(":")[2])
        for p in pairs
    ]


@pytest.mark.parametrize("split", SPLITS)
def test_prepared_dakshina_gives_the_pairs_of_the_file(
    dakshina: str, tmp_path: Path, split: str
) -> None:
    path = tmp_path / "hi.tsv"
    path.write_text(DAKSHINA[SPLITS[split]])
    direct, direct_report = sources.read_dakshina(path, "hi")
    pairs, report = prepared.read_tfds(dakshina, split, "hi")
    assert content(pairs) == content(direct)
    assert (report.read, report.kept) == (direct_report.read, direct_report.kept)
    assert report.dropped == direct_report.dropped


@pytest.mark.parametrize(
    ("split", "name"), [("train", "train"), ("validation", "valid"), ("test", "test")]
)
def test_prepared_aksharantar_gives_the_pairs_of_the_file(
    place: Path, tmp_path: Path, split: str, name: str
) -> None:
    path = tmp_path / f"tam_{name}.json"
    path.write_text(json_lines(AKSHARANTAR[name]))
    folder = prepared.write_tfds(
        "aksharantar", "ta", manual_dir=place, data_dir=place.parent / "aksharantar"
    )
    pairs, _ = prepared.read_tfds(folder, split, "ta")
    assert content(pairs) == content(sources.read_aksharantar(path, "ta")[0])


def test_the_unpacked_folder_serves_as_well_as_the_archive(
    dakshina: str, place: Path, tmp_path: Path
) -> None:
    with tarfile.open(place / "dakshina_dataset_v1.0.tar") as archive:
        # Pythons before 3.11.4 know no filter, and would refuse it as an argument.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path / "manual")
    folder = prepared.write_tfds(
        "dakshina", "hi", manual_dir=tmp_path / "manual", data_dir=tmp_path / "tfds"
    )
    unpacked = prepared.read_tfds(folder, "train", "hi")[0]
    assert content(unpacked) == content(prepared.read_tfds(dakshina, "train", "hi")[0])


def test_records_are_array_record_files_and_published_text_is_kept(
    dakshina: str,
) -> None:
    assert list(Path(dakshina).glob("*train.array_record*"))
    with pytest.raises(ValueError, match="4 of 4 lines are bad"):
        prepared.read_tfds(dakshina, "train", "ta")


def test_an_empty_manual_directory_is_answered_with_what_to_fetch(
    tmp_path: Path,
) -> None:
    with pytest.raises(
        ValueError, match=r"is empty\. Fetch dakshina_dataset_v1\.0\.tar"
    ):
        prepared.write_tfds("dakshina", "hi", manual_dir=tmp_path, data_dir=tmp_path)


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "other.zip").touch()
    with pytest.raises(ValueError, match=r"dakshina_dataset_v1\.0\.tar exists"):
        prepared.write_tfds(
            "dakshina", "hi", manual_dir=tmp_path / "manual", data_dir=tmp_path / "out"
        )
    with pytest.raises(ValueError, match=r"tam\.zip does not exist"):
        prepared.write_tfds(
            "aksharantar",
            "ta",
            manual_dir=tmp_path / "manual",
            data_dir=tmp_path / "out",
        )


def test_an_archive_without_the_language_is_refused(
    place: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"holds no .*bn\.translit\.sampled"):
        prepared.write_tfds("dakshina", "bn", manual_dir=place, data_dir=tmp_path)


def test_an_unreadable_file_is_refused_by_line(place: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "tam.zip", "w") as archive:
        for split in AKSHARANTAR:
            archive.writestr(f"tam_{split}.json", "{}\n")
    with pytest.raises(ValueError, match=r"tam\.zip/tam_train\.json:1: not an Akshar"):
        prepared.write_tfds(
            "aksharantar", "ta", manual_dir=tmp_path, data_dir=tmp_path / "out"
        )


@pytest.mark.parametrize(("name", "lang"), [("news", "hi"), ("dakshina", "en")])
def test_an_unknown_set_or_language_is_refused(
    place: Path, tmp_path: Path, name: str, lang: str
) -> None:
    with pytest.raises(ValueError, match=f"{name}|{lang}"):
        prepared.write_tfds(name, lang, manual_dir=place, data_dir=tmp_path)


def test_tensorflow_is_never_imported(place: Path, tmp_path: Path) -> None:
    program = f"""
import sys
from epik_jax.data.builders import prepared
assert "tensorflow_datasets" not in sys.modules, "imported before it is needed"
folder = prepared.write_tfds(
    "dakshina", "hi", manual_dir={str(place)!r}, data_dir={str(tmp_path)!r}
)
pairs, _ = prepared.read_tfds(folder, "test", "hi")
assert len(pairs) == 2, pairs
assert "tensorflow" not in sys.modules, "TensorFlow was imported"
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(prepared.__file__).parents[3],
    )
    assert ended.returncode == 0, ended.stderr


def test_a_folder_of_something_else_is_refused(dakshina: str, tmp_path: Path) -> None:
    shutil.copytree(dakshina, tmp_path / "set")
    features = tmp_path / "set" / "features.json"
    features.write_text(features.read_text().replace('"latin"', '"roman"'))
    with pytest.raises(ValueError, match="set holds no word pairs: it has no latin"):
        prepared.read_tfds(tmp_path / "set", "train", "hi")


def test_a_prepared_folder_knows_its_set(dakshina: str) -> None:
    assert prepared.set_name(dakshina) == "dakshina"


def test_a_split_that_was_not_prepared_is_named(dakshina: str, tmp_path: Path) -> None:
    shutil.copytree(dakshina, tmp_path / "set")
    info = tmp_path / "set" / prepared.INFO_FILE
    record = json.loads(info.read_text())
    record["splits"] = [s for s in record["splits"] if s["name"] != "test"]
    info.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="set has no split 'test'"):
        prepared.read_tfds(tmp_path / "set", "test", "hi")


@pytest.mark.parametrize("size", [0, 1 << 16])
def test_a_cut_record_file_is_refused_by_name(
    dakshina: str, tmp_path: Path, size: int
) -> None:
    shutil.copytree(dakshina, tmp_path / "set")
    (file,) = (tmp_path / "set").glob("*train.array_record*")
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"set\[train\]: the records cannot be read"):
        prepared.read_tfds(tmp_path / "set", "train", "hi")
