"""A bucket that is a folder, and what of gcloud reads and writes it, for tests.

After each file that reaches or leaves it, every seal in it must find its files; where
one does not, it is noted in the file `torn`.
"""

from __future__ import annotations

import sys

from launched import Checkout

from epik_jax.interop import model_folder
from epik_jax.teacher_cache import manifest
from epik_jax.training import checkpoint

# `gcloud storage`, a file at a time. Before the copying of a folder begins it runs
# `meanwhile` once, where there is one.
STORAGE = """\
#!{python}
import hashlib, json, os, pathlib, shutil, subprocess, sys

here = pathlib.Path(__file__).parent
bucket = here / "bucket"
command, *words = [w for w in sys.argv[2:] if w not in ("--quiet", "--recursive")]


def place(word):
    inside = word.removeprefix("gs://b/")
    return pathlib.Path(word) if inside == word else bucket / inside


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def note(what, path):
    with (here / "log").open("a") as log:
        log.write(what + " " + str(path) + "\\n")
    for seal in bucket.rglob("*.json"):
        said = json.loads(seal.read_text())
        named = said.get("shards", said) if seal.name in {names} else {{}}
        for name, its in named.items():
            file = seal.parent / name
            digest = its if isinstance(its, str) else its["sha256"]
            if not file.exists() or sha256(file) != digest:
                with (here / "torn").open("a") as torn:
                    torn.write(f"{{seal}}: {{name}} after {{what}} {{path}}\\n")


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    if bucket in target.parents:
        note("put", target.relative_to(bucket))


if command == "rsync":
    source, target = map(place, words)
    files = sorted(p for p in source.rglob("*") if p.is_file())
    if (here / "meanwhile").exists() and bucket in target.parents:
        (here / "meanwhile").rename(here / "now")
        subprocess.run(["bash", here / "now"], check=True)
    if (here / "broken").exists():
        files = files[:1]
    for file in files:
        there = target / file.relative_to(source)
        if not there.exists() or there.read_bytes() != file.read_bytes():
            copy(file, there)
    sys.exit((here / "broken").exists())
elif command == "cp":
    copy(*map(place, words))
elif command == "rm":
    path = place(words[0].removesuffix("/**"))
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    for file in files:
        file.unlink()
        note("rm", file.relative_to(bucket))
"""
NAMES = (checkpoint.SEAL, manifest.FILE_NAME, model_folder.DIGESTS)


def install(checkout: Checkout) -> None:
    """Puts it on PATH, with an empty bucket."""
    text = STORAGE.format(python=sys.executable, names=NAMES)
    checkout.install("gcloud", text)
    (checkout.bin / "bucket").mkdir()
