"""A checkout to launch from, and a gcloud that records and answers, for tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# A run's command line, and answers of gcloud.
SPOT = (
    *("run", "tiny", "--zone=us-west4-a", "--type=v5litepod-8", "--spot"),
    *("--bucket=gs://b/p", "--config=configs/epik.py:tiny"),
)
GONE = (1, "", "ERROR: NOT_FOUND: Resource was not found")
DONE = (0, "", "")
ACTIVE = (0, "ACTIVE\n", "")

# Answers come from answers.json beside it: for a word of the command a list of
# [status, standard output, standard error], the last of which is given again and again.
FAKE = """\
#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
answers = json.loads((here / "answers.json").read_text())
key = next(k for k in answers if k in " ".join(sys.argv[1:]))
status, out, err = answers[key].pop(0) if len(answers[key]) > 1 else answers[key][0]
(here / "answers.json").write_text(json.dumps(answers))
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""


class Checkout:
    """A committed copy of the launch scripts, with a gcloud of its own on PATH."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.bin = folder / "bin"
        shutil.copytree(ROOT / "launch", self.root / "launch")
        shutil.copy(ROOT / ".gitignore", self.root)
        self.bin.mkdir()
        self.env = dict(
            os.environ,
            PATH=f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            HOME=str(folder / "home"),
            POLL_SECONDS="0",
            GIT_CONFIG_GLOBAL=os.devnull,
        )
        Path(self.env["HOME"]).mkdir()
        who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
        for words in (["init", "--quiet"], ["add", "--all"], ["commit", "-qm", "All"]):
            self.check("git", *who, *words)

    def check(self, *words: str) -> str:
        """Standard output of a command that succeeds in the checkout."""
        return subprocess.run(
            words, cwd=self.root, env=self.env, check=True, text=True, stdout=-1
        ).stdout

    def run(
        self, *words: str, before: tuple[str, ...] = (), stdin: int = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[str]:
        """A launch script, `before` which another command may stand; all it says."""
        return subprocess.run(
            [*before, str(self.root / "launch" / words[0]), *words[1:]],
            cwd=self.root,
            env=self.env,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def answer(self, answers: dict[str, list[tuple[int, str, str]]]) -> None:
        """Puts a gcloud on PATH that answers so."""
        self.install("gcloud", FAKE.format(python=sys.executable))
        (self.bin / "answers.json").write_text(json.dumps(answers))

    def install(self, name: str, text: str) -> None:
        """Puts a program on PATH."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def calls(self) -> list[str]:
        """What gcloud was called with, so far."""
        path = self.bin / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [" ".join(json.loads(line)) for line in lines]
