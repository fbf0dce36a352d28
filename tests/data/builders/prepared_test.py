"""Claims about prepared folders, from archives in the published layouts."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("tensorflow_datasets")

from epik_jax.data import sources
from epik_jax.data.builders import prepared
from epik_jax.data.pairs import WordPair

FOLDER = "dakshina_dataset_v1.0/hi/lexicons"
DAKSHINA = {
    "train": "अंक\tank\t3\nअंकल\tuncle\t4\nअंक\tAnk\t1\nअंकल\tankal\t1\n",
    "dev": "कल\tkal\t2\n",
    "test": "काल\tkaal\t1\nकाल\tkal\t2\n",
}
AKSHARANTAR = {
    "train": [("தமிழ்", "tamil", "Wikidata"), ("கல்", "kal", "AK-Freq")],
    "valid": [("மரம்", "maram", "AK-Freq")],
    "test": [("கடல்", "kadal", "Dakshina")],
}
SPLITS = {"train": "train", "validation": "dev", "test": "test"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manual directory with both archives, packed as they are published."""
    folder = tmp_path_factory.mktemp("manual")
    with tarfile.open(folder / "dakshina_dataset_v1.0.tar", "w") as archive:
        for split, text in DAKSHINA.items():
            content = text.encode()
            info = tarfile.TarInfo(f"{FOLDER}/hi.translit.sampled.{split}.tsv")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    with zipfile.ZipFile(folder / "tam.zip", "w") as archive:
        for split, rows in AKSHARANTAR.items():
            archive.writestr(f"tam_{split}.json", json_lines(rows))
    return folder


@pytest.fixture(scope="module")
def dakshina(place: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return prepared.write_tfds(
        "dakshina", "hi", manual_dir=place, data_dir=tmp_path_factory.mktemp("tfds")
    )


def json_lines(rows: list[tuple[str, str, str]]) -> str:
    return "".join(
        json.dumps(
            {
                "unique_identifier": f"tam{number}",
                "native word": native,
                "english word": latin,
                "source": source,
                "score": None,
            },
            ensure_ascii=False,
        )
        + "\n"
        for number, (native, latin, source) in enumerate(rows)
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
        archive.extractall(tmp_path / "manual", filter="data")
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
