"""launch/tpu_worker.sh: a run outlives its caller and passes its status."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from launched import Checkout

# A run of some tenths of a second that notes where it is and ends as it is told to.
RUN = """\
#!/bin/bash
echo "told: $*"
folder=${*: -1}; folder=${folder#--workdir=}
mkdir -p "$folder"
trap 'sleep 1; echo saved >"$folder/end"; exit 143' TERM
for turn in {1..1000}; do if [[ -e $HOME/go ]]; then break; fi; sleep 0.05; done
echo ended >"$folder/end"
exit "$(<"$HOME/go")"
"""

# A bucket that is a folder.
STORAGE = """\
#!/bin/bash
bucket=$HOME/bucket; mkdir -p "$bucket"
[[ ! -e $HOME/offline ]] || exit 1
here=("${@//gs:\\/\\/b/$bucket}")
case $2 in
  rsync) cp -r "${here[3]}/." "${here[4]}/" ;;
  cp)
    mkdir -p "$(dirname "${here[3]}")"
    cat "${here[2]}" >"${here[3]}"
    ;;
  rm) rm -r ${here[2]/%'/**'} ;;
esac
"""


@pytest.fixture
def worker(tmp_path):
    checkout = Checkout(tmp_path)
    epik_jax = checkout.root / ".venv" / "bin" / "epik-jax"
    epik_jax.parent.mkdir(parents=True)
    epik_jax.write_text(RUN)
    epik_jax.chmod(0o755)
    checkout.env["MIRROR_SECONDS"] = "1"
    checkout.install("gcloud", STORAGE)
    return checkout


def home(worker) -> Path:
    return Path(worker.env["HOME"])


def start(worker, *, url=""):
    words = ("start", "runs/x", url, "run", "--config=c.py:tiny")
    assert worker.run("tpu_worker.sh", *words).returncode == 0


def let_it_end(worker, status=0):
    (home(worker) / "go").write_text(f"{status}\n")


@pytest.mark.parametrize(("ended", "status"), [(0, 0), (7, 7), (255, 1)])
def test_a_run_outlives_its_caller_and_its_status_arrives(worker, ended, status):
    start(worker)
    assert worker.run("tpu_worker.sh", "busy").returncode == 0
    assert "running; its last line" in worker.run("tpu_worker.sh", "status").stdout
    let_it_end(worker, ended)
    done = worker.run("tpu_worker.sh", "follow")
    # ssh ends with 255 where the connection broke.
    assert done.returncode == status
    told = f"told: run --config=c.py:tiny --workdir={home(worker)}/runs/x\n"
    assert done.stdout.startswith(told)
    assert worker.run("tpu_worker.sh", "busy").returncode != 0
    again = worker.run("tpu_worker.sh", "follow", "1")
    assert (again.returncode, again.stdout.count("\n")) == (status, 1)


def test_a_run_under_way_is_not_started_twice(worker):
    start(worker)
    start(worker)
    let_it_end(worker)
    log = worker.run("tpu_worker.sh", "follow").stdout
    assert log.count("told:") == 1


@pytest.mark.parametrize("url", ["", "gs://b/p"])
def test_a_stop_that_reaches_all_processes_is_waited_out_and_mirrored(worker, url):
    start(worker, url=url)
    pid = int((home(worker) / ".epik-jax-run" / "pid").read_text())
    while not (home(worker) / "runs" / "x").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    # As the system does at a shutdown; the processes are a session of their own.
    worker.check("pkill", "--signal", "TERM", "--session", str(pid))
    done = worker.run("tpu_worker.sh", "follow")
    assert done.returncode == 143
    place = "bucket/p" if url else "runs/x"
    assert (home(worker) / place / "end").read_text() == "saved\n"


def test_a_run_that_ended_well_but_is_not_in_the_bucket_says_so(worker):
    start(worker, url="gs://b/p")
    while not (home(worker) / "runs" / "x.mirror" / "sent").exists():
        time.sleep(0.05)
    (home(worker) / "offline").touch()
    let_it_end(worker)
    done = worker.run("tpu_worker.sh", "follow")
    assert done.returncode == 74
    assert "could not be copied to gs://b/p" in done.stdout


def test_a_run_does_not_begin_where_its_bucket_cannot_be_written(worker):
    (home(worker) / "offline").touch()
    start(worker, url="gs://b/p")
    done = worker.run("tpu_worker.sh", "follow")
    assert done.returncode == 1
    assert "gs://b/p cannot be written" in done.stdout and "told:" not in done.stdout


def test_a_run_that_was_killed_is_not_waited_for(worker):
    start(worker)
    while not (home(worker) / "runs" / "x").exists():
        time.sleep(0.05)
    pid = int((home(worker) / ".epik-jax-run" / "pid").read_text())
    worker.check("pkill", "--signal", "KILL", "--session", str(pid))
    done = worker.run("tpu_worker.sh", "follow")
    assert done.returncode == 1 and "left no status" in done.stderr
