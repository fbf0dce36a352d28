"""A few rows of Dakshina, Aksharantar and WikiAnn, packed as they are published."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

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
WIKIANN = {
    "train": "en:Ada\tB-PER\nen:Lovelace\tI-PER\nen:slept\tO\n\n"
    "en:In\tO\nen:Pune\tB-LOC\n\nen:In\tO\nen:Pune\tB-LOC\n\n",
    "dev": "en:Cafe\u0301\tB-ORG\nen::\tO\n\n",
    "test": "en:REDIRECT\tO\nen:New\u00a0York\tB-LOC\n\n",
    "extra": "en:more\tO\n\n",
}
_LEXICONS = "dakshina_dataset_v1.0/hi/lexicons"


def write_archives(folder: Path) -> Path:
    """Makes `folder` a manual directory with both archives."""
    with tarfile.open(folder / "dakshina_dataset_v1.0.tar", "w") as archive:
        for split, text in DAKSHINA.items():
            add(archive, f"{_LEXICONS}/hi.translit.sampled.{split}.tsv", text.encode())
    with zipfile.ZipFile(folder / "tam.zip", "w") as archive:
        for split, rows in AKSHARANTAR.items():
            archive.writestr(f"tam_{split}.json", json_lines(rows))
    return folder


def write_wikiann(folder: Path, **files: bytes) -> Path:
    """Makes `folder` a manual directory with en.tar.gz; `files` replace those of it."""
    content = {name: text.encode() for name, text in WIKIANN.items()} | files
    with tarfile.open(folder / "en.tar.gz", "w:gz") as archive:
        for name, found in content.items():
            add(archive, name, found)
    return folder


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Puts a file into an archive."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def json_lines(rows: list[tuple[str, str, str]]) -> str:
    """Rows of (native, Latin, source) as Aksharantar has them."""
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
