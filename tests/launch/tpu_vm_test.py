"""launch/tpu_vm.sh: the commands that it would run, and what it refuses."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest
from launched import ACTIVE, DONE, ROOT, SPOT, Checkout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def printed(checkout, *words):
    """Commands of a dry run, the checkout's path left out."""
    done = checkout.run("tpu_vm.sh", words[0], "--dry-run", *words[1:])
    assert (done.returncode, done.stderr) == (0, "")
    assert not (checkout.root / "runs").exists()
    return done.stdout.replace(str(checkout.root), "ROOT").splitlines()


UNPACK = (
    "{ ! epik_jax/launch/tpu_worker.sh busy 2>/dev/null || exit 0; } && "
    "git init --quiet epik_jax && cd epik_jax && "
    "git fetch --quiet ../epik_jax.bundle HEAD && "
    "git checkout --quiet --force FETCH_HEAD && git clean --quiet --force -d && "
)
WORKER = "epik_jax/launch/tpu_worker.sh"
STATE = "queued-resources describe {} '--format=value(state.state)'"


def told(name, common, *commands):
    """The commands of a whole run, from what differs among them."""
    packed = f"ROOT/runs/tpu_vm/{name}"
    head = [
        f"mkdir -p {packed}",
        f"git -C ROOT bundle create --quiet {packed}/epik_jax.bundle HEAD",
    ]
    state = STATE.format(name)
    create, *rest = [f"gcloud compute tpus {c} {common} --quiet" for c in commands]
    state = f"gcloud compute tpus {state} {common} --quiet"
    return [*head, state, create, state, *rest]


def test_one_spot_host_with_a_bucket_is_mirrored(checkout):
    assert printed(checkout, *SPOT, "--", "--config.a[0]=b c") == told(
        *("tiny", "--zone=us-west4-a"),
        "queued-resources create tiny --node-id=tiny --accelerator-type=v5litepod-8 "
        "--runtime-version=v2-alpha-tpuv5-lite --spot "
        "--metadata-from-file=startup-script=ROOT/launch/tpu_startup.sh",
        "tpu-vm scp ROOT/runs/tpu_vm/tiny/epik_jax.bundle tiny: --worker=all",
        "tpu-vm ssh tiny --worker=all "
        f"'--command={UNPACK}launch/tpu_worker.sh install'",
        f"tpu-vm ssh tiny --worker=all '--command={WORKER} start runs/tiny gs://b/p "
        r"run --config=configs/epik.py:tiny '\''--config.a[0]=b c'\'''",
        f"tpu-vm ssh tiny --worker=0 '--command={WORKER} follow +1'",
        "queued-resources delete tiny --force",
    )


def test_several_reserved_hosts_join_and_share_a_mounted_bucket(checkout):
    words = [w.replace("v5litepod-8", "v5litepod-16") for w in SPOT if w != "--spot"]
    assert printed(checkout, *words, "--reserved", "--project=my") == told(
        *("tiny", "--zone=us-west4-a --project=my"),
        "queued-resources create tiny --node-id=tiny --accelerator-type=v5litepod-16 "
        "--runtime-version=v2-alpha-tpuv5-lite --reserved "
        "--metadata-from-file=startup-script=ROOT/launch/tpu_startup.sh "
        "--metadata=needs=gcsfuse",
        "tpu-vm scp ROOT/runs/tpu_vm/tiny/epik_jax.bundle tiny: --worker=all",
        "tpu-vm ssh tiny --worker=all "
        f"'--command={UNPACK}launch/tpu_worker.sh install gcsfuse gs://b/p'",
        f"tpu-vm ssh tiny --worker=all '--command={WORKER} start shared '\\'''\\'' "
        "run --distributed --config=configs/epik.py:tiny'",
        f"tpu-vm ssh tiny --worker=0 '--command={WORKER} follow +1'",
        f"tpu-vm ssh tiny --worker=all '--command={WORKER} follow 1'",
        "queued-resources delete tiny --force",
    )


def test_a_run_on_demand_with_a_local_disk_is_fetched_before_its_vm_is_deleted(
    checkout,
):
    commands = printed(
        *(checkout, "run", "one", "--zone=z", "--type=v4-8", "--config=c.py:real"),
        *("--workdir=~/runs/x", "--fetch=my runs"),
    )
    assert "--spot" not in commands[3] and "--reserved" not in commands[3]
    assert "--runtime-version=tpu-ubuntu2204-base" in commands[3]
    assert "start runs/x '\\'''\\'' run --config=c.py:real'" in commands[7]
    assert sum(" delete " in command for command in commands) == 1
    assert commands[-3:] == [
        "mkdir -p 'my runs'",
        "gcloud compute tpus tpu-vm scp one:runs/x 'my runs' --recurse --worker=0 "
        "--zone=z --quiet",
        "gcloud compute tpus queued-resources delete one --force --zone=z --quiet",
    ]


def test_deleting_takes_the_vm_of_a_queued_resource_along(checkout):
    assert printed(checkout, "delete", "tiny", "--zone=z", "--project=my") == [
        "gcloud compute tpus queued-resources delete tiny --force --zone=z "
        "--project=my --quiet"
    ]


def test_a_vm_that_is_kept_is_not_deleted(checkout):
    commands = printed(checkout, *SPOT, "--keep")
    assert not any(" delete " in command for command in commands)


@pytest.mark.parametrize(
    ("kind", "hosts"),
    [
        *(("v5litepod-1", 1), ("v5litepod-8", 1), ("v5litepod-16", 4)),
        *(("v5litepod-256", 64), ("v6e-8", 1), ("v6e-16", 4), ("v6e-256", 64)),
        *(("v4-8", 1), ("v4-16", 2), ("v4-512", 64), ("v5p-8", 1), ("v5p-128", 16)),
    ],
)
def test_the_number_of_hosts_follows_from_the_type(checkout, kind, hosts):
    counted = checkout.check(
        "bash", "-c", 'source launch/tpu_types.sh; hosts_of "$1"', "bash", kind
    )
    assert int(counted) == hosts


def documented():
    """What docs/tpu.md tells a reader to type."""
    text = (ROOT / "docs" / "tpu.md").read_text(encoding="utf-8")
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(x)[1:] for x in lines if x.startswith("launch/tpu_vm.sh ")]


@pytest.mark.parametrize("words", documented(), ids=lambda words: words[0])
def test_what_the_document_tells_to_type_is_understood(checkout, words):
    assert printed(checkout, *words)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("fly", "tiny", "--zone=z"), "'fly' is no command"),
        (("up", "tiny", "--type=v4-8"), "--zone=ZONE is missing"),
        (("up", "Tiny", "--zone=z", "--type=v4-8"), "'Tiny' is no name"),
        (("up", "tiny", "--zone=z"), "--type=TYPE is missing"),
        (("up", "tiny", "--zone=z", "--type=v9-8"), "'v9-8' is no known type"),
        (
            ("up", "tiny", "--zone=z", "--type=v5litepod-12"),
            "of 1, 4, 8, 16 ... 256 chips",
        ),
        (("up", "tiny", "--zone=z", "--type=v4-12"), "of 8, 16, 24 ... cores"),
        (("up", "tiny", "--zone=my zone", "--type=v4-8"), "--zone=my zone is no zone"),
        (("ssh", "tiny", "--zone=z", "--worker=first"), "--worker=first is no number"),
        (("up", "tiny", "--zone", "z"), "--zone is no option, or lacks its =VALUE"),
        (("up", "tiny", "tinier", "--zone=z"), "'tinier' is one word too many"),
        ((*SPOT, "--reserved"), "--spot or --reserved, not both"),
        ((*SPOT, "--bucket=s3://b"), "--bucket=s3://b is no gs://"),
        ((*SPOT, "--bucket=gs://b/my runs"), "--bucket=gs://b/my runs is no gs://"),
        ((*SPOT, "--bucket=gs://b/*"), "--bucket=gs://b/* is no gs://"),
        ((*SPOT, "--mount=nfs h:/s"), "--mount or --bucket, not both"),
        ((*SPOT, "--relaunches=-1"), "--relaunches=-1 is no number"),
        ((*SPOT, "--relaunches=08"), "--relaunches=08 is no number"),
        (
            (*SPOT, "--type=v6e-16", "--workdir=/elsewhere"),
            "--workdir=/elsewhere lies outside of ~/shared",
        ),
        ([w for w in SPOT if "--config" not in w], "--config=FILE:VARIANT is missing"),
        ([w for w in SPOT if "--bucket" not in w], "nothing of the run would be left"),
        (
            (*[w for w in SPOT if "--bucket" not in w], "--type=v6e-16", "--keep"),
            "v6e-16 has 4 hosts, which need one folder",
        ),
        (
            (
                *[w for w in SPOT if "--bucket" not in w],
                *("--type=v6e-16", "--keep", "--workdir=shared/x"),
            ),
            "v6e-16 has 4 hosts, which need one folder",
        ),
    ],
)
def test_a_mistake_is_told_in_one_line(checkout, words, complaint):
    done = checkout.run("tpu_vm.sh", *words)
    assert done.returncode == 2
    assert complaint in done.stderr and done.stderr.count("\n") == 1


def test_a_machine_without_gcloud_is_told_so(checkout):
    for name in ("bash", "dirname"):
        (checkout.bin / name).symlink_to(shutil.which(name))
    checkout.env["PATH"] = str(checkout.bin)
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 1
    assert "no gcloud here" in done.stderr and done.stderr.count("\n") == 1


def test_what_is_no_git_checkout_is_told_so(checkout):
    shutil.rmtree(checkout.root / ".git")
    # Whatever lies around it.
    checkout.env["GIT_CEILING_DIRECTORIES"] = str(checkout.root.parent)
    done = checkout.run("tpu_vm.sh", *SPOT, "--dry-run")
    assert done.returncode == 1 and done.stdout == ""
    assert "is no git checkout" in done.stderr and done.stderr.count("\n") == 1


def test_uncommitted_changes_are_refused_or_sent_beside(checkout):
    (checkout.root / "new.py").write_text("x = 1\n")
    done = checkout.run("tpu_vm.sh", *SPOT, "--dry-run")
    assert done.returncode == 1 and "commit them" in done.stderr
    checkout.answer({"describe": [ACTIVE], "tpus": [DONE]})
    assert checkout.run("tpu_vm.sh", *SPOT, "--dirty").returncode == 0
    packed = checkout.root / "runs" / "tpu_vm" / "tiny"
    assert "+x = 1" in (packed / "changes.patch").read_text()
    assert "new.py" in checkout.check("git", "status", "--porcelain")
    # What a worker does with both.
    [unpack] = [c for c in checkout.calls() if "git init" in c]
    command = re.search(r"--command=(.*) && launch/tpu_worker.sh install", unpack)[1]
    vm = checkout.root.parent / "vm"
    vm.mkdir()
    for path in packed.iterdir():
        shutil.copy(path, vm)
    for _ in range(2):
        checkout.check("bash", "-c", f"cd {shlex.quote(str(vm))} && {command}")
    assert (vm / "epik_jax" / "new.py").read_text() == "x = 1\n"
    assert (vm / "epik_jax" / "launch" / "tpu_vm.sh").exists()
