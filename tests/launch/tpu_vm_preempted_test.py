"""launch/tpu_vm.sh and what happens to its VM: preempted, lost, refused, interrupted.

No gcloud is called: its place takes one that records what it is asked and answers.
"""

from __future__ import annotations

import os
import pty

import pytest
from launched import ACTIVE, DONE, GONE, SPOT, Checkout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


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
            "--command=true": [(255, "", "")],
            "follow": [*[(255, "", "")] * 5, DONE],
            "tpus": [DONE],
        }
    )
    assert checkout.run("tpu_vm.sh", *SPOT).returncode == 0
    assert kinds(checkout) == [*ONCE, *["follow"] * 4, "delete", *ONCE, "delete"]


def test_however_often_a_connection_breaks_a_vm_that_is_reached_is_kept(checkout):
    checkout.answer(
        {
            "describe": [GONE, ACTIVE],
            "follow": [*[(255, "", "")] * 7, DONE],
            "tpus": [DONE],
        }
    )
    assert checkout.run("tpu_vm.sh", *SPOT).returncode == 0
    assert kinds(checkout) == [*ONCE, *["follow"] * 7, "delete"]


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


def test_a_creation_that_was_heard_though_it_failed_is_not_said_to_cost_nothing(
    checkout,
):
    asked = (0, "WAITING_FOR_RESOURCES\n", "")
    checkout.answer({"describe": [GONE, asked], "create": [(1, "", "timed out\n")]})
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 1
    assert "tiny is still asked for, and will cost money" in done.stderr


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


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ((1, "", "ERROR: Reauthentication failed\n"), "Reauthentication failed"),
        ((0, "\n", ""), "gcloud named no state of tiny"),
    ],
)
def test_gcloud_that_cannot_tell_what_is_there_stops_before_anything_is_made(
    checkout, told, said
):
    checkout.answer({"describe": [told], "tpus": [DONE]})
    done = checkout.run("tpu_vm.sh", *SPOT)
    assert done.returncode == 1 and said in done.stderr
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


def interrupted(checkout, **options):
    """A run that is interrupted while its log is followed."""
    checkout.answer({"describe": [GONE, ACTIVE], "tpus": [DONE]})
    text = (checkout.bin / "gcloud").read_text()
    # Of a terminal both get it; bash heeds it once its child has ended.
    kill = 'import os\nif " follow " in sys.argv[7]: os.kill(os.getppid(), 2)\n'
    checkout.install("gcloud", text.replace("status, out", f"{kill}status, out", 1))
    # It may be ignored where tests run in the background.
    heeding = ("env", "--default-signal=INT")
    done = checkout.run("tpu_vm.sh", *SPOT, before=heeding, **options)
    assert done.returncode == 130
    return done.stderr


def test_an_interruption_leaves_the_vm_and_tells_so(checkout):
    assert "tiny STILL STANDS and costs money" in interrupted(checkout)
    assert "delete" not in kinds(checkout)


@pytest.mark.parametrize("answer", ["y", "n"])
def test_an_interruption_asks_whoever_sits_at_a_terminal(checkout, answer):
    typed, terminal = pty.openpty()
    os.write(typed, f"{answer}\n".encode())
    try:
        told = interrupted(checkout, stdin=terminal)
    finally:
        os.close(typed)
        os.close(terminal)
    assert "Delete tiny, with its disk and the run on it? [y/N]" in told
    assert ("delete" in kinds(checkout)) == (answer == "y")
    assert ("STILL STANDS" in told) == (answer == "n")
