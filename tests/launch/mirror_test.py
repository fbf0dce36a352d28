"""launch/mirror.sh against a bucket that is a folder: seals come last, and go first.

After each file that reaches or leaves the bucket, every seal in it must find its files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import bucket_folder
import pytest
from bucket_folder import NAMES
from launched import Checkout

from epik_jax.interop import model_folder
from epik_jax.teacher_cache import manifest
from epik_jax.training import checkpoint

URL = "gs://b/p"


@pytest.fixture
def mirror(tmp_path):
    checkout = Checkout(tmp_path)
    bucket_folder.install(checkout)
    checkout.env["MIRROR_SECONDS"] = "1"
    yield checkout
    torn = checkout.bin / "torn"
    assert not torn.exists(), torn.read_text()


def sealed(folder, seal, files, shape=lambda named: named):
    """Writes files and then what says that they are whole."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = {}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        digests[name] = hashlib.sha256(text.encode()).hexdigest()
    (folder / seal).write_text(json.dumps(shape(digests)))


def step(run, number, text=""):
    folder = run / "stages" / "one" / "checkpoints" / str(number)
    sealed(folder, checkpoint.SEAL, {"state/a": f"{number}{text}", "state/b": text})
    return folder


def shards(run, *texts):
    files = {f"signals-{i:05}-of-00009.tfrecord": t for i, t in enumerate(texts)}
    sealed(
        *(run / "cache", manifest.FILE_NAME, files),
        lambda named: {"shards": {k: {"sha256": v} for k, v in named.items()}},
    )


def restored(mirror):
    run = mirror.root.parent / "run"
    done = mirror.run("mirror.sh", "restore", str(run), URL)
    assert done.returncode == 0, done.stderr
    return run


def copied(mirror, run):
    done = mirror.run("mirror.sh", "once", str(run), URL)
    assert done.returncode == 0, done.stderr


def bucket(mirror) -> Path:
    return mirror.bin / "bucket" / "p"


def there(mirror):
    return {
        str(path.relative_to(bucket(mirror)))
        for path in bucket(mirror).rglob("*")
        if path.is_file()
    } - {".mirrored-from"}


def test_every_seal_of_the_package_is_one_to_the_mirror():
    script = (Path(__file__).parents[2] / "launch" / "mirror.sh").read_text()
    told = script.partition("\nseals=(")[2].partition(")")[0].split()
    assert {*NAMES, "finished.json", "report.json"} == set(told)


def test_a_copy_can_be_gone_on_with_elsewhere(mirror):
    run = restored(mirror)
    step(run, 10)
    shards(run, "x", "y")
    (run / "metrics.jsonl").write_text("{}\n")
    (run / ".lock").touch()
    (run / "cache" / "signals-00002-of-00009.tfrecord.tmp").touch()
    copied(mirror, run)
    elsewhere = mirror.root.parent / "elsewhere"
    assert mirror.run("mirror.sh", "restore", str(elsewhere), URL).returncode == 0
    left_out = {run / ".lock", run / "cache" / "signals-00002-of-00009.tfrecord.tmp"}
    files = {p for p in run.rglob("*") if p.is_file()} - left_out
    assert {str(p.relative_to(run)) for p in files} == {
        str(p.relative_to(elsewhere)) for p in elsewhere.rglob("*") if p.is_file()
    }
    assert all(
        p.read_bytes() == (elsewhere / p.relative_to(run)).read_bytes() for p in files
    )


def test_seals_come_after_all_that_they_name(mirror):
    run = restored(mirror)
    step(run, 10)
    shards(run, "x")
    (run / "stages" / "one" / "finished.json").write_text('{"step": 10}')
    copied(mirror, run)
    names = [line.split("/")[-1] for line in (mirror.bin / "log").open()]
    names = [name.strip() for name in names]
    assert names[-3:] == [checkpoint.SEAL, manifest.FILE_NAME, "finished.json"]


def meanwhile(mirror, *words):
    (mirror.bin / "meanwhile").write_text(f"cd {mirror.root.parent}/run\n{words[0]}\n")


def test_a_seal_that_appears_during_the_copy_waits_for_its_files(mirror):
    run = restored(mirror)
    step(run, 10)
    new = step(mirror.root.parent / "soon", 20)
    meanwhile(mirror, f"cp -r {new} stages/one/checkpoints/20")
    copied(mirror, run)
    assert not any("/20/" in name for name in there(mirror))
    copied(mirror, run)
    assert f"stages/one/checkpoints/20/{checkpoint.SEAL}" in there(mirror)


def test_a_manifest_that_grows_during_the_copy_is_sent_as_it_was(mirror):
    run = restored(mirror)
    shards(run, "x")
    shards(mirror.root.parent / "soon", "x", "y")
    meanwhile(mirror, "cp ../soon/cache/* cache/")
    copied(mirror, run)
    said = json.loads((bucket(mirror) / "cache" / manifest.FILE_NAME).read_text())
    assert len(said["shards"]) == 1
    copied(mirror, run)
    said = json.loads((bucket(mirror) / "cache" / manifest.FILE_NAME).read_text())
    assert len(said["shards"]) == 2


def test_a_checkpoint_that_is_dropped_during_the_copy_is_there_whole_or_not_at_all(
    mirror,
):
    run = restored(mirror)
    old = step(run, 10)
    step(run, 20)
    (old / "state" / "a").unlink()  # Being deleted, its seal last.
    copied(mirror, run)
    assert not any("/10/" in name for name in there(mirror))
    meanwhile(mirror, "rm -r stages/one/checkpoints/20")
    step(run, 30)
    copied(mirror, run)
    assert f"stages/one/checkpoints/30/{checkpoint.SEAL}" in there(mirror)


def test_a_dropped_checkpoint_is_deleted_its_seal_first_and_after_the_new_one(mirror):
    run = restored(mirror)
    old = step(run, 10)
    copied(mirror, run)
    step(run, 20)
    shutil.rmtree(old)
    copied(mirror, run)
    log = (mirror.bin / "log").read_text().split("\n")
    seals = [line for line in log if line.endswith(checkpoint.SEAL)][1:]
    place = "p/stages/one/checkpoints"
    assert seals == [f"put {place}/20/SEAL.json", f"rm {place}/10/SEAL.json"]
    assert not any("/10/" in name for name in there(mirror))


def test_the_last_checkpoint_of_a_stage_is_never_deleted(mirror):
    run = restored(mirror)
    step(run, 10)
    copied(mirror, run)
    before = there(mirror)
    shutil.rmtree(run / "stages")
    copied(mirror, run)
    assert there(mirror) == before


def test_a_seal_is_taken_out_before_its_files_are_replaced(mirror):
    run = restored(mirror)
    for text in ("old", "new"):
        sealed(run / "student", model_folder.DIGESTS, {"README.md": text, "x": text})
        step(run, 10, text)
        shards(run, text)
        copied(mirror, run)
    assert (bucket(mirror) / "student" / "x").read_text() == "new"
    assert f"student/{model_folder.DIGESTS}" in there(mirror)


def test_no_seal_follows_a_copy_that_broke_off(mirror):
    run = restored(mirror)
    step(run, 10)
    (mirror.bin / "broken").touch()
    assert mirror.run("mirror.sh", "once", str(run), URL).returncode != 0
    assert not any(name.endswith(checkpoint.SEAL) for name in there(mirror))
    # Elsewhere such a checkpoint is not taken for one, and is cleared away.
    (mirror.bin / "broken").unlink()
    elsewhere = mirror.root.parent / "elsewhere"
    assert there(mirror)
    assert mirror.run("mirror.sh", "restore", str(elsewhere), URL).returncode == 0
    assert not list(elsewhere.rglob("1*")) and not there(mirror)


def test_a_restoration_that_broke_off_is_made_again(mirror):
    step(restored(mirror), 10)
    copied(mirror, mirror.root.parent / "run")
    elsewhere = mirror.root.parent / "elsewhere"
    (mirror.bin / "broken").touch()
    done = mirror.run("mirror.sh", "restore", str(elsewhere), URL)
    assert done.returncode == 1 and "gs://b/p cannot be read" in done.stderr
    (mirror.bin / "broken").unlink()
    assert mirror.run("mirror.sh", "restore", str(elsewhere), URL).returncode == 0
    assert list(elsewhere.rglob(checkpoint.SEAL))


def test_the_end_of_a_run_is_copied_too(mirror):
    run = restored(mirror)
    script = 'sleep 1; echo "{}" >"$1/metrics.jsonl"'
    command = (
        f"bash -c '{script}' bash {run} & exec launch/mirror.sh follow $! {run} {URL}"
    )
    mirror.check("bash", "-c", command)
    assert there(mirror) == {"metrics.jsonl"}


def test_a_folder_that_is_no_copy_is_neither_sent_nor_overwritten(mirror):
    run = mirror.root.parent / "run"
    step(run, 10)
    for command in ("once", "restore"):
        done = mirror.run("mirror.sh", command, str(run), URL)
        assert done.returncode == 1 and "is no copy of gs://b/p" in done.stderr
        assert done.stderr.count("\n") == 1
    assert there(mirror) == set()


def test_what_is_newer_here_is_not_restored_over(mirror):
    run = restored(mirror)
    (run / "metrics.jsonl").write_text("old\n")
    copied(mirror, run)
    (run / "metrics.jsonl").write_text("new\n")
    assert restored(mirror) == run
    assert (run / "metrics.jsonl").read_text() == "new\n"


def test_a_file_that_cannot_be_set_aside_is_told(mirror):
    run = restored(mirror)
    step(run, 10)
    mirror.install(
        "cp", f'#!/bin/bash\n[[ $1 == --link ]] || {shutil.which("cp")} "$@"\n'
    )
    done = mirror.run("mirror.sh", "once", str(run), URL)
    assert done.returncode == 1 and "could not be set aside" in done.stderr
    assert there(mirror) == set()


@pytest.mark.parametrize(
    "words",
    [(), ("once", "run"), ("send", "run", URL), ("once", "run", "b/p")],
)
def test_a_mistake_is_told_in_one_line(mirror, words):
    done = mirror.run("mirror.sh", *words)
    assert done.returncode == 2 and done.stderr.startswith("usage: ")
