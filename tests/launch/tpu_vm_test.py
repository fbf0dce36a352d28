"""launch/tpu_vm.sh: the commands that it would run, and what it makes of answers.

No gcloud is called: its place takes one that records what it is asked.
"""

from __future__ import annotations

import functools
import re
import shlex
import shutil
import signal

import pytest
from launched import ROOT, Checkout

SPOT = (
    *("run", "tiny", "--zone=us-west4-a", "--type=v5litepod-8", "--spot"),
    *("--bucket=gs://b/p", "--config=configs/epik.py:tiny"),
)
GONE = (1, "", "ERROR: NOT_FOUND: Resource was not found")
DONE = (0, "", "")
ACTIVE = (0, "ACTIVE\n", "")


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
        (("up", "tiny", "--zone", "z"), "--zone is no option, or lacks its =VALUE"),
        (("up", "tiny", "tinier", "--zone=z"), "'tinier' is one word too many"),
        ((*SPOT, "--reserved"), "--spot or --reserved, not both"),
        ((*SPOT, "--bucket=s3://b"), "--bucket=s3://b is no gs://"),
        ((*SPOT, "--mount=nfs h:/s"), "--mount or --bucket, not both"),
        ((*SPOT, "--relaunches=-1"), "--relaunches=-1 is no number"),
        ([w for w in SPOT if "--config" not in w], "--config=FILE:VARIANT is missing"),
        ([w for w in SPOT if "--bucket" not in w], "nothing of the run would be left"),
        (
            (*[w for w in SPOT if "--bucket" not in w], "--type=v6e-16", "--keep"),
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


def kinds(checkout):
    """What was asked of gcloud, a word a call."""
    words = ("create", "scp", "install", "start", "follow", "delete")
    found = [next((w for w in words if f" {w}" in c), "") for c in checkout.calls()]
    return [word for word in found if word]


ONCE = ["create", "scp", "install", "start", "follow"]


def test_a_preempted_run_is_relaunched_on_a_new_vm(checkout):
    checkout.answer(
        {
            "describe": [GONE, ACTIVE, GONE, (0, "PROVISIONING\n", ""), ACTIVE],
            "follow": [(143, "", ""), DONE],
            "tpus": [DONE],
        }
    )
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 0
    assert kinds(checkout) == [*ONCE, "delete", *ONCE, "delete"]
    assert "tiny was preempted (status 143); relaunch 1 of 10" in done.stderr
    assert "tiny is PROVISIONING" in done.stderr
    assert done.stderr.endswith("tiny does not stand; it costs nothing\n")


def test_a_run_whose_vm_went_away_is_relaunched(checkout):
    checkout.answer(
        {
            "describe": [GONE, ACTIVE, (0, "SUSPENDING\n", ""), GONE, ACTIVE],
            "follow": [(255, "", ""), DONE],
            "tpus": [DONE],
        }
    )
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 0
    assert kinds(checkout) == [*ONCE, "delete", *ONCE, "delete"]


def test_a_vm_that_goes_away_while_it_is_installed_is_asked_for_again(checkout):
    checkout.answer(
        {
            "describe": [GONE, ACTIVE, (0, "SUSPENDED\n", ""), GONE, ACTIVE],
            "scp": [(1, "", "scp: Connection closed\n"), DONE],
            "tpus": [DONE],
        }
    )
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 0
    assert kinds(checkout) == ["create", "scp", "delete", *ONCE, "delete"]


def test_a_connection_that_breaks_is_made_again(checkout):
    checkout.answer(
        {
            "describe": [GONE, ACTIVE],
            "follow": [(255, "", ""), (255, "", ""), (0, "step 3\n", "")],
            "tpus": [DONE],
        }
    )
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert (done.returncode, done.stdout) == (0, "step 3\n")
    assert kinds(checkout) == [*ONCE, "follow", "follow", "delete"]
    assert "follow 10" in checkout.calls()[-2]


def test_a_vm_that_cannot_be_reached_is_given_up_though_its_state_lags(checkout):
    checkout.answer(
        {
            "describe": [GONE, *[ACTIVE] * 6, GONE, ACTIVE],
            "follow": [*[(255, "", "")] * 5, DONE],
            "tpus": [DONE],
        }
    )
    assert checkout.run("tpu_vm.sh", *SPOT).returncode == 0
    assert kinds(checkout) == [*ONCE, *["follow"] * 4, "delete", *ONCE, "delete"]


def test_relaunches_end_at_their_limit(checkout):
    checkout.answer(
        {
            "describe": [GONE, ACTIVE, GONE, ACTIVE],
            "follow": [(143, "", "")],
            "tpus": [DONE],
        }
    )
    done = checkout.run("tpu_vm.sh", *SPOT, "--relaunches=1")
    assert done.returncode == 143
    assert kinds(checkout) == [*ONCE, "delete", *ONCE, "delete"]
    assert "after 1 relaunches: given up" in done.stderr


def test_a_failure_is_final_and_told_with_its_status(checkout):
    checkout.answer(
        {"describe": [GONE, ACTIVE], "follow": [(7, "", "")], "tpus": [DONE]}
    )
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 7
    assert kinds(checkout) == [*ONCE, "delete"]
    assert "the run ended with status 7" in done.stderr


def test_a_failure_of_another_host_than_the_first_is_told(checkout):
    words = [w.replace("v5litepod-8", "v5litepod-16") for w in SPOT]
    checkout.answer(
        {"describe": [GONE, ACTIVE], "follow 1 ": [(9, "", "")], "tpus": [DONE]}
    )
    assert checkout.run("tpu_vm.sh", *words).returncode == 9


def test_a_refused_creation_is_told_and_leaves_nothing(checkout):
    quota = "ERROR: Quota limit 'TPUV5sPreemptibleLitepodPerProjectPerZone' exceeded\n"
    checkout.answer({"describe": [GONE], "create": [(1, "", quota)]})
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 1
    assert kinds(checkout) == ["create"]
    assert quota in done.stderr and "gcloud refused to create tiny" in done.stderr
    assert done.stderr.endswith("tiny does not stand; it costs nothing\n")


@pytest.mark.parametrize("state", ["FAILED", "SUSPENDED"])
def test_a_request_that_failed_says_what_to_do(checkout, state):
    checkout.answer({"describe": [GONE, (0, f"{state}\n", "")], "tpus": [DONE]})
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 1
    assert kinds(checkout) == ["create"]
    last = done.stderr.splitlines()[-1]
    assert f"tiny is {state} and costs nothing" in last
    assert "then: launch/tpu_vm.sh delete tiny --zone=us-west4-a" in last


def test_a_vm_that_is_there_is_used(checkout):
    checkout.answer({"describe": [ACTIVE], "tpus": [DONE]})
    assert checkout.run("tpu_vm.sh", *SPOT).returncode == 0
    assert kinds(checkout) == ["scp", "install", "start", "follow", "delete"]


def test_gcloud_that_cannot_tell_what_is_there_stops_before_anything_is_made(checkout):
    refused = (1, "", "ERROR: Reauthentication failed\n")
    checkout.answer({"describe": [refused], "tpus": [DONE]})
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 1 and "Reauthentication failed" in done.stderr
    assert kinds(checkout) == []


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({"recurse": [(1, "", "disk full\n")]}, 1),
        ({"follow": [(74, "", "")]}, 74),
    ],
)
def test_a_vm_that_holds_the_only_copy_of_a_run_is_not_deleted(
    checkout, answers, status
):
    checkout.answer({**answers, "describe": [GONE, ACTIVE], "tpus": [DONE]})
    done = checkout.run("tpu_vm.sh", *SPOT, "--fetch=here")
    assert done.returncode == status
    assert "delete" not in kinds(checkout)
    assert "tiny STILL STANDS and costs money" in done.stderr


def test_a_vm_that_could_not_be_deleted_still_stands(checkout):
    refused = (1, "", "ERROR: internal\n")
    checkout.answer({"describe": [GONE, ACTIVE], "delete": [refused], "tpus": [DONE]})
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 1 and kinds(checkout).count("delete") == 3
    assert "tiny STILL STANDS and costs money" in done.stderr


def test_an_interruption_leaves_the_vm_and_tells_so(checkout):
    checkout.answer({"describe": [GONE, ACTIVE], "tpus": [DONE]})
    text = (checkout.bin / "gcloud").read_text()
    # Of a terminal both get it; bash heeds it once its child has ended.
    kill = 'import os\nif " follow " in sys.argv[7]: os.kill(os.getppid(), 2)\n'
    checkout.install("gcloud", text.replace("status, out", f"{kill}status, out", 1))
    # It may be ignored where tests run in the background.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    done = checkout.run("tpu_vm.sh", *SPOT, preexec_fn=heed)
    assert done.returncode == 130
    assert "delete" not in kinds(checkout)
    assert "tiny STILL STANDS and costs money" in done.stderr
