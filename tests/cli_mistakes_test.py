"""What goes wrong on the command line is told in one line, with its status."""

from __future__ import annotations

import errno
import functools
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import console
import pytest

from epik_jax import cli, questions
from epik_jax.evaluation import feature_distance
from epik_jax.recipes import output, run
from epik_jax.training.stop import InterruptedRunError

TINY = str(Path(__file__).resolve().parents[1] / "configs" / "epik.py") + ":tiny"
Call = Callable[..., console.Outcome]


@pytest.fixture(autouse=True)
def untouched_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from console.guarded(monkeypatch)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return functools.partial(console.call, capsys)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return console.write_models(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InterruptedRunError("matra: stopped"), 143, "the same command goes on"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (BlockingIOError("d: process 7 is running"), 1, "process 7 is running"),
        (FloatingPointError("not finite"), 1, "not finite"),
        (OSError(errno.ENOSPC, "No space left", "/d/x"), 1, "/d/x: No space left"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 1, "output: No space left"),
        (OSError(errno.ENOSPC, "/d/cache: 9 are free"), 1, "epik-jax: /d/cache: 9 are"),
        (PermissionError(errno.EACCES, "Denied", "/d/x"), 2, "/d/x: Denied"),
        (ValueError("a:\n  first\n  second"), 2, "a: first second"),
    ],
)
def test_an_error_is_one_line_with_its_status(
    error: BaseException,
    status: int,
    said: str,
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "run", console.Recipe(error))
    found = call("run", "--config=f", f"--workdir={tmp_path}")
    assert said in console.message(status, found)


def test_a_bug_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "run", console.Recipe(TypeError("a bug")))
    with pytest.raises(TypeError, match="a bug"):
        cli.main(["run", "--config=f", f"--workdir={tmp_path}"])


def test_a_traceback_is_shown_to_who_asks(call: Call, tmp_path: Path) -> None:
    status, _, err = call("--traceback", "cache", "inspect", tmp_path)
    assert status == 2 and "Traceback" in err and err.split("\n")[-2].startswith("epik")


def test_a_distance_that_is_not_installed_is_told_in_one_line(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feature_distance.make_feature_distance.cache_clear()
    monkeypatch.setitem(sys.modules, "epitran", None)
    pairs = tmp_path / "two.tsv"
    pairs.write_text("मन\tமன\n", encoding="utf-8")
    argv = ["--table", "builtin", "--pairs", pairs, "--from", "hi", "--to", "ta"]
    found = call("evaluate", *argv, "--feature-distance")
    assert "pip install 'epik-jax[phonetics]'" in console.message(2, found)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("", "no command is given"),
        ("rnu", "invalid choice: 'rnu'"),
        ("run --workdir W", "--config"),
        ("run --config nofile --workdir W", "there is no file 'nofile'"),
        (f"run --config {TINY}x --workdir W", "no variant 'tinyx'"),
        (
            f"run --config {TINY} --workdir W --config.epik.student.sed=1",
            "did you mean 'seed'",
        ),
        (f"run --config {TINY} --workdir W --config.epik.student.seed", "no value"),
        (f"run --config {TINY} --workdir W --workdri X", "did you mean --workdir?"),
        ("evaluate --config.a=1 --pairs P", "takes no --config.a=1"),
        ("evaluate --pairs P", "--checkpoint"),
        ("evaluate --pairs P --table builtin --chain", "not allowed with"),
        ("evaluate --pairs nofile --table builtin", "no file nofile"),
        ("evaluate --pairs P --table builtin --json .", "is a folder"),
        ("evaluate --pairs P --table builtin --json P", "is what is to be read"),
        ("evaluate --pairs P --table builtin --json Q/../P", "is what is to be read"),
        ("evaluate --pairs P --table builtin --json P/out", "P is no folder"),
        ("evaluate --pairs P --table builtin --json M/config.json", "a model folder"),
        ("evaluate --pairs P --table builtin --json M/new/x.json", "a model folder"),
        ("evaluate --pairs P --table builtin --limit 0", "'0' is not a number from 1"),
        (
            "run --config C --workdir D --num-processes 2",
            "--distributed --coordinator-address --num-processes --process-id go",
        ),
        (
            "run --config C --workdir D --distributed --coordinator-address H:1 "
            "--num-processes 2 --process-id 2",
            "--process-id 2 is not below --num-processes 2",
        ),
        (
            "run --config C --workdir D --distributed --coordinator-address H "
            "--num-processes 2 --process-id 0",
            "--coordinator-address H is not HOST:PORT",
        ),
        (
            "run --config C --workdir D --distributed --coordinator-address H:65536 "
            "--num-processes 2 --process-id 0",
            "--coordinator-address H:65536 is not HOST:PORT",
        ),
        (
            "run --config C --workdir D --distributed --coordinator-address H:1 "
            "--num-processes 2 --process-id -1",
            "'-1' is not a number from 0 on",
        ),
        ("evaluate --pairs P --table builtin --max-bad-share 7", "from 0 to 1"),
        ("evaluate --pairs P --checkpoint nowhere", "nowhere is no model folder"),
        ("transliterate --to ta --checkpoint nowhere मन", "nowhere is no model folder"),
        ("transliterate --to ta मन", "--checkpoint"),
        ("transliterate --checkpoint M --to xx मन", "unknown language 'xx'"),
        ("transliterate --checkpoint M --to ta --from xx मन", "unknown language 'xx'"),
        ("transliterate --checkpoint M --to ta --from ta மன", "both 'ta'"),
        ("transliterate --checkpoint M --to ta --file F मन", "both given"),
        ("transliterate --checkpoint M --to ta --file nofile", "nofile: No such file"),
        ("transliterate --checkpoint M --to ta --file .", ".: Is a directory"),
        ("transliterate --checkpoint M --to ta --file EMPTY", "is empty"),
        ("transliterate --checkpoint M --to ta --file BAD", "BAD:2: byte 1"),
        ("transliterate --checkpoint M --to ta --nbest x मन", "'x' is not a number"),
        ("transliterate --checkpoint M --to ta --nbest 65 मन", "65 is more than 64"),
        ("evaluate --pairs P --checkpoint M --beam 100000", "100000 is more than 64"),
        ("evaluate --pairs . --table builtin", ". is a folder"),
        ("train --config SYNTAX.py --workdir W", "SYNTAX.py:1: invalid syntax"),
        (f"train --config {TINY} --workdir P", "P is no folder to run in"),
        ("cache --workdir W", "--config"),
        ("cache inspect W", "no teacher cache here"),
        ("export --workdir W --out O", "holds no finished student"),
        (
            "export --workdir D0 --out O",
            "several students, in students/NAME",
        ),
        ("export --workdir D0 --model teacher --out O", "holds no finished teacher"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    argv: str,
    said: str,
    call: Call,
    workdir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "W").mkdir()
    (tmp_path / "Q").mkdir()
    (tmp_path / "D0" / "students" / "hi").mkdir(parents=True)
    (tmp_path / "P").write_text("मन\tமன\n", encoding="utf-8")
    (tmp_path / "EMPTY").touch()
    (tmp_path / "SYNTAX.py").write_text("def (:")
    (tmp_path / "BAD").write_bytes(b"\n\xff\n")
    (tmp_path / "M").symlink_to(workdir / "student")
    status, out, err = call(*argv.split())
    assert said in console.message(2, (status, out.strip(), err))
    assert (tmp_path / "P").read_text(encoding="utf-8") == "मन\tமன\n"


def test_figures_that_cannot_be_written_are_missed_by_their_name(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(dir: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", f"{dir}/tmpx1y2")

    monkeypatch.setattr(output.tempfile, "TemporaryFile", denied)
    argv = ["--table", "builtin", "--pairs", tmp_path, "--json", tmp_path / "out.json"]
    said = console.message(2, call("evaluate", *argv))
    assert said == f"epik-jax: {tmp_path / 'out.json'}: Permission denied\n"


def test_words_that_are_empty_are_refused(call: Call, workdir: Path) -> None:
    common = ["transliterate", "--checkpoint", workdir / "student", "--to", "ta"]
    assert "are empty" in console.message(2, call(*common, " "))


def test_an_argument_that_is_not_utf8_is_refused(call: Call) -> None:
    found = call("transliterate", os.fsdecode(b"\xff"))
    assert "argument 2, " in console.message(2, found)


def test_a_reader_that_leaves_early_is_no_error(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*given: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(questions, "_print_line", leave)
    options = ["--checkpoint", str(workdir / "student"), "--to", "ta"]
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with pytest.raises(SystemExit) as end:
        cli.main(["transliterate", *options, "மன"])
    assert end.value.code == cli.UNREAD
