"""`epik-jax COMMAND`: parses, calls, explains errors.

Whatever is heavy is imported inside the command that needs it. What a user can put
right is told in one line; any other error keeps its traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from epik_jax import arguments, host, interruption, questions, starting

FAILED, MISTAKEN, STOPPED, UNREAD = 1, 2, 143, 141
"""Exit statuses beside 0 and `interruption.INTERRUPTED`."""

_USER_PATHS = (
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one command.

    Args:
      argv: without the program's name; the process's own unless given.

    Raises:
      SystemExit: anything but success: 2 for what the user should change, 1 for what
        failed, 143 for a run that was stopped and saved, 130 for an interruption.
    """
    host.set_streams()
    argv = sys.argv[1:] if argv is None else argv
    try:
        status = _call(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has left, as `head` does; the interpreter's own last flush
        # would complain about it.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = UNREAD
    except KeyboardInterrupt:
        status = _tell("interrupted", interruption.INTERRUPTED)
    except (ValueError, OSError, FloatingPointError, SyntaxError) as error:
        if "--traceback" in argv:
            traceback.print_exc()
        mistaken = isinstance(error, (ValueError, SyntaxError, *_USER_PATHS))
        status = _tell(_in_words(error), MISTAKEN if mistaken else FAILED)
    except Exception:
        if starting.has_joined():
            traceback.print_exc()
            starting.leave(FAILED)
        raise
    if status:
        if status != STOPPED:  # All stop together.
            starting.leave(status)
        sys.exit(status)


def _call(argv: Sequence[str]) -> int:
    given = arguments.parse(argv)
    if given.version:
        return _print_version()
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "run": _run,
        "train": _train,
        "compile-tpu": _compile_tpu,
        "cache": _cache,
        "evaluate": questions.evaluate,
        "transliterate": questions.transliterate,
        "tag": questions.tag,
        "score": questions.score,
        "export": _export,
        "doctor": _doctor,
    }
    return commands[given.command](given)


def _print_version() -> int:
    import importlib.metadata

    try:
        print("epik-jax", importlib.metadata.version("epik-jax"))
    except importlib.metadata.PackageNotFoundError:
        print("epik-jax, a checkout that is not installed")
    return 0


def _run(given: argparse.Namespace) -> int:
    return _run_recipe(given, evaluate=True)


def _train(given: argparse.Namespace) -> int:
    return _run_recipe(given, evaluate=False)


def _run_recipe(given: argparse.Namespace, *, evaluate: bool) -> int:
    with starting.set_up(given):
        from epik_jax.recipes import run

    try:
        made = run.run(given.config, given.overrides, given.workdir, evaluate=evaluate)
    except run.InterruptedRunError as error:
        return _tell(f"{error}; the same command goes on from there", STOPPED)
    if not starting.tells():
        return 0
    if made is not None:
        print(run.summary(made))
        print(f"report: {given.workdir / 'report.html'}")
    for name in ("teacher", "student", "students"):
        if (given.workdir / name).is_dir():
            print(f"{name}: {given.workdir / name}")
    return 0


def _compile_tpu(given: argparse.Namespace) -> int:
    # Nothing runs: a host without a TPU would look for one.
    os.environ["JAX_PLATFORMS"] = "cpu"
    host.set_logging()
    asked = (given.config, given.overrides, given.topology)
    made = []
    with interruption.leaving_whatever_runs():
        from epik_jax.compiling import report
        from epik_jax.recipes import output

        if given.json:
            output.demand_writable(given.json)
        for program in report.compiled(*asked, given.only):
            print("\n".join(report.lines(program)), flush=True)
            made.append(program)
    interruption.leave_in_order()
    print("\n".join(["", *report.NOTES]))
    if given.json:
        report.write(given.json, *asked, made)
    return FAILED if any("failed" in program for program in made) else 0


def _cache(given: argparse.Namespace) -> int:
    if given.what == "inspect":
        from epik_jax.recipes import run

        for folder in run.find_caches(given.folder):
            print(f"{folder}:")
            print(json.dumps(run.cache_summary(folder), indent=1, ensure_ascii=False))
        return 0
    with starting.set_up(given):
        from epik_jax.recipes import run

    try:
        for folder in run.fill_caches(given.config, given.overrides, given.workdir):
            if starting.tells():
                print(f"cache: {folder}")
    except run.InterruptedRunError as error:
        return _tell(f"{error}; the same command goes on from there", STOPPED)
    return 0


def _export(given: argparse.Namespace) -> int:
    from epik_jax.interop import export, model_folder
    from epik_jax.recipes import card
    from epik_jax.recipes.measured import measured

    interruption.leave_in_order()
    folder = given.workdir / given.model
    if not model_folder.is_model_folder(folder):
        if given.model == "student" and (given.workdir / "students").is_dir():
            raise FileNotFoundError(
                f"{given.workdir} holds several students, in students/NAME; each of "
                "these is a model folder as it is"
            )
        raise FileNotFoundError(
            f"{given.workdir} holds no finished {given.model}; "
            "finish it with `epik-jax run` in this --workdir"
        )
    model = model_folder.load_model(folder)
    metrics = [row for path in given.metrics for row in measured(path, model)]
    if metrics:
        about = {**model.about, "metrics": metrics}
        model = dataclasses.replace(model, about=about)
    text = card.model_card(model, given.licences)
    export.export_model(model, given.out, bfloat16=given.bfloat16, card=text)
    print(given.out)
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from epik_jax import doctor

    findings = doctor.examine()
    print(doctor.as_text(findings))
    return FAILED if any(f.state == "BROKEN" for f in findings) else 0


def _in_words(error: BaseException) -> str:
    if isinstance(error, BlockingIOError):
        return f"{error}; wait for it, or take another folder"
    if isinstance(error, OSError) and error.strerror:
        if error.filename:
            return f"{_shown(error.filename)}: {error.strerror}"
        # What the system says of no name is said of the stream that is being written;
        # other words name their file themselves.
        by_system = error.strerror == os.strerror(error.errno or 0)
        return f"output: {error.strerror}" if by_system else error.strerror
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: {error}"
    return str(error) or repr(error)


def _shown(path: Any) -> str:
    return str(Path(os.fsdecode(path)))


def _tell(message: str, status: int) -> int:
    one_line = re.sub(r"\s*\n\s*", " ", message)
    print(f"epik-jax: {one_line}", file=sys.stderr)
    return status
