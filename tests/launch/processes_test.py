"""`launch/processes.sh` with processes that compute nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "launch" / "processes.sh"


@pytest.fixture
def started(tmp_path):
    """Starts the script with a shell command as each process, $I its number."""
    scripts = []

    def start(command: str, **settings: str) -> subprocess.Popen[str]:
        stand_in = tmp_path / "python"
        stand_in.write_text(
            f'#!/bin/bash\nif [[ $1 == -c ]]; then exec {sys.executable} "$@"; fi\n'
            f'I="${{*: -1}}"; I=${{I#--process-id=}}\n{command}\n'
        )
        stand_in.chmod(0o755)
        scripts.append(
            subprocess.Popen(
                [SCRIPT, "2", "run"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={
                    **os.environ,
                    "PYTHON": str(stand_in),
                    "LOGS": str(tmp_path / "logs"),
                    **settings,
                },
                # Whoever runs the tests may ignore it, as a shell does in background.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        )
        return scripts[-1]

    yield start
    for script in scripts:
        script.kill()


def ended(script: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Status and lines of a script that is to end by itself, before 60 s."""
    _, said = script.communicate(timeout=60)
    return script.returncode, said.splitlines()


def test_the_line_of_a_process_that_fails_alone_is_shown(started):
    failing = "[[ $I == 0 ]] && exec sleep 600; echo epik-jax: no disk; exit 2"
    status, said = ended(started(failing, GRACE="0"))
    assert status == 2
    first = "launch/processes.sh: process 1 has failed first:"
    assert said[said.index(first) + 1] == "epik-jax: no disk"


def test_a_process_that_is_killed_takes_the_others_along(started, tmp_path):
    dying = f"echo $$ >{tmp_path}/$I; [[ $I == 1 ]] && kill -KILL $$; exec sleep 600"
    status, _ = ended(started(dying, GRACE="0"))
    assert status == 128 + signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "0").read_text()), 0)


def test_what_all_refuse_is_said_once_though_the_first_is_late(started):
    late = "if [[ $I == 0 ]]; then sleep 0.7; fi; echo epik-jax: no seed >&2; exit 2"
    status, said = ended(started(late))
    assert status == 2
    assert said[0] == "epik-jax: no seed" and "what the others" not in said[1]
    assert len(said) == 2


def test_a_second_signal_ends_processes_that_do_not_stop(started, tmp_path):
    deaf = f"trap '' TERM; touch {tmp_path}/$I; exec sleep 600"
    script = started(deaf)
    until = time.monotonic() + 30
    while not {"0", "1"} <= {p.name for p in tmp_path.iterdir()}:
        assert time.monotonic() < until
        time.sleep(0.05)
    script.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert script.poll() is None
    script.send_signal(signal.SIGINT)
    status, _ = ended(script)
    assert status == 128 + signal.SIGKILL


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DEVICES": "0"}, "DEVICES=0 is not a number from 1 on"),
        ({"GRACE": "soon"}, "GRACE=soon is not a number of seconds"),
        ({"LOGS": "/dev/null"}, "/dev/null cannot be made"),
        ({"PYTHON": "nowhere"}, "no nowhere; launch/local.sh --setup-only"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_starts(
    started, settings, said
):
    status, lines = ended(started("touch started", **settings))
    assert status == 2 and said in lines[-1]
