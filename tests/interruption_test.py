"""Ctrl-C at the start of a command, and in a compiler, however libraries take it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from epik_jax import interruption

ROOT = Path(__file__).resolve().parents[1]

# Stand in for jax: what they print shows that they are being imported.
LIBRARIES = {
    "that turns it into an error": """
        try:
            print("here", flush=True)
            sys.stdin.readline()
        except BaseException as error:
            raise ImportError("the extension could not be initialised") from error
    """,
    "that loses it": """
        class Lost:
            def __del__(self):
                print("here", flush=True)
                sys.stdin.readline()
        Lost()
    """,
    "that lets it pass": """
        print("here", flush=True)
        sys.stdin.readline()
    """,
}


def signalled(
    number: int, *words: str, environment: dict[str, str]
) -> tuple[int, str, str]:
    """Status and words of a Python that got a signal when it had said "here"."""
    with subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore it, and so would this one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(number)
        try:
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    return process.returncode, out, err


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("command", ["transliterate --to ta --checkpoint x", "doctor"])
def test_ctrl_c_during_the_imports_is_one_line_and_no_traceback(
    tmp_path: Path, library: str, command: str
) -> None:
    source = "import sys\n" + textwrap.dedent(LIBRARIES[library])
    for name in ("jax", "jaxlib"):
        (tmp_path / f"{name}.py").write_text(source)
    folders = os.pathsep.join((str(tmp_path), str(ROOT)))
    words, environment = ["-m", "epik_jax", *command.split()], {"PYTHONPATH": folders}
    status, _, err = signalled(signal.SIGINT, *words, environment=environment)
    assert (status, err) == (130, "epik-jax: interrupted\n")


# Code that lets no handler of Python run until it is done, beside threads and handlers
# of its own, as a compiler's.
LONG = """
import hashlib, signal, threading
from epik_jax import interruption

with interruption.leaving_whatever_runs():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: print("a stack"))
    print("here", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"x", b"x", 10**9)
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (15, 143)])
def test_a_signal_ends_what_lets_no_handler_run(number: int, status: int) -> None:
    said = signalled(number, "-c", LONG, environment={"PYTHONPATH": str(ROOT)})
    assert said == (status, "", "epik-jax: interrupted\n")


def test_signals_are_afterwards_what_they_were_before() -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with interruption.leaving_whatever_runs():
            assert {signal.SIGINT, signal.SIGTERM} & signal.pthread_sigmask(0, ())
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
