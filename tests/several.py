"""Several processes of one test, each with two devices of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE = 600


def environment() -> dict[str, str]:
    """Of a process with two devices."""
    paths = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    # The last of two flags of one name counts.
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    return {**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": paths}


def started(
    command: Sequence[object], count: int, folder: Path
) -> list[subprocess.Popen[bytes]]:
    """`epik-jax` options of a command, or a script, in so many processes.

    What process I says goes to "I.log" in the folder.
    """
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    made = []
    for index in range(count):
        options = {
            "coordinator-address": f"127.0.0.1:{port}",
            "num-processes": count,
            "process-id": index,
        }
        given = [f"--{name}={value}" for name, value in options.items()]
        with (folder / f"{index}.log").open("wb") as log:
            made.append(
                subprocess.Popen(
                    [sys.executable, *map(str, command), "--distributed", *given],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment(),
                )
            )
    return made


def ended(processes: Sequence[subprocess.Popen[bytes]], folder: Path) -> list[int]:
    """Exit statuses, once all have ended; none is left behind."""
    try:
        return [process.wait(PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
        for index in range(len(processes)):
            print((folder / f"{index}.log").read_text(errors="replace"))
