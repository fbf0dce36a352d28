"""The commands do what they say."""

from __future__ import annotations

import functools
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import console
import pytest

from epik_jax import arguments, doctor
from epik_jax.interop.model_folder import load_model
from epik_jax.recipes import run
from epik_jax.text.scripts import script_of

ROOT = Path(__file__).resolve().parents[1]
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


def test_help_is_quick_and_the_console_entry_works() -> None:
    """Best of some: the machine may be busy."""
    seconds = []
    for _ in range(5):
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "epik_jax", "--help"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
        seconds.append(time.monotonic() - start)
        if seconds[-1] < 0.5:
            break
    assert "transliterate" in done.stdout
    assert min(seconds) < 0.5, seconds


def test_words_keep_what_is_around_them(call: Call, workdir: Path) -> None:
    words = ["नमस्ते, दुनिया 123।", "ಕನ್ನಡ!"]
    common = ["transliterate", "--checkpoint", workdir / "student", "--to", "kn"]
    status, out, _ = call(*common, *words)
    first, second, end = out.split("\n")
    assert (status, second, end) == (0, "ಕನ್ನಡ!", "")
    greeting, _, rest = first.partition(", ")
    assert script_of(greeting) == "kn" and rest.endswith(" 123।")


def test_words_file_and_standard_input_agree(
    call: Call, workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["मन நீ", "", "नल 5"]
    content = "\n".join(lines).encode()
    (tmp_path / "words.txt").write_bytes(content)
    common = ["transliterate", "--checkpoint", workdir / "student", "--to", "bn"]
    by_words = call(*common, *lines)
    assert by_words[0] == 0 and by_words[1].count("\n") == 3
    assert call(*common, "--file", tmp_path / "words.txt") == by_words
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert call(*common) == by_words
    # Words may stand before and after an option.
    assert call("transliterate", lines[0], *common[1:], *lines[1:]) == by_words


def test_json_lines_hold_candidates_best_first(call: Call, workdir: Path) -> None:
    common = ["--checkpoint", workdir / "student", "--to", "ta", "--nbest", 3]
    _, out, _ = call("transliterate", *common, "--json", "मन 1 ಮನ")
    line = json.loads(out)
    assert set(line) == {"text", "output", "words"}
    assert [(w["source"], w["source_lang"]) for w in line["words"]] == [
        ("मन", "hi"),
        ("ಮನ", "kn"),
    ]
    best = [word["candidates"][0]["text"] for word in line["words"]]
    assert line["output"] == f"{best[0]} 1 {best[1]}"
    rows = [
        (word["source"], c["text"], f"{c['log_prob']:.4f}")
        for word in line["words"]
        for c in word["candidates"]
    ]
    assert len(rows) == 6
    _, plain, _ = call("transliterate", *common, "मन 1 ಮನ")
    assert plain == "".join("\t".join(row) + "\n" for row in rows)


def test_a_word_too_long_is_kept_with_a_warning(call: Call, workdir: Path) -> None:
    word = "कमल" * 8
    common = ["--checkpoint", workdir / "student", "--to", "ta"]
    status, out, err = call("transliterate", *common, f"{word}!")
    assert (status, out) == (0, f"{word}!\n")
    assert word in err and "22 at most" in err


def test_what_is_evaluated_is_written_and_shown(
    call: Call, workdir: Path, tmp_path: Path
) -> None:
    pairs, out = tmp_path / "two.tsv", tmp_path / "deep" / "out.json"
    pairs.write_text("मन\tமன\nनल\tநல\n", encoding="utf-8")
    common = ["evaluate", "--pairs", pairs, "--from", "hi", "--to", "ta"]
    model = ["--checkpoint", workdir / "teacher", "--json", out]
    for system, decode in (
        ([*model], "greedy"),
        ([*model, "--chain"], "greedy"),
        ([*model, "--beam", 2], "beam-2"),
        (["--table", "builtin", "--json", out], "rules"),
    ):
        status, shown, _ = call(*common, *system)
        made = json.loads(out.read_text())
        assert status == 0 and "hi>ta" in shown
        assert made["overall"]["n"] == 2
        # Figures are shown to others: no more of a path than tells two apart.
        assert made["data"]["path"] == f"{tmp_path.name}/two.tsv"
        named = None if decode == "rules" else f"{workdir.name}/teacher"
        assert made["system"].get("checkpoint") == named
        assert made["system"]["decode"] == decode
        assert ("mrr" in made["overall"]) == (decode == "beam-2")
        assert f"decode:{decode}|" in made["signatures"]["cer"]
    assert made["overall"]["top1"]["value"] == 0.0  # மந, நல்: rules of spelling.
    assert [p.name for p in out.parent.iterdir()] == ["out.json"]


def test_what_lies_beside_the_figures_is_left_alone(call: Call, tmp_path: Path) -> None:
    (tmp_path / "two.tsv").write_text("मन\tமன\n", encoding="utf-8")
    (beside := tmp_path / "out.json.tmp").write_text("mine")
    options = ["--from", "hi", "--to", "ta", "--table", "builtin"]
    files = ["--pairs", tmp_path / "two.tsv", "--json", tmp_path / "out.json"]
    assert call("evaluate", *options, *files)[0] == 0
    assert beside.read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 3


def test_an_exported_model_is_the_one_of_the_run(
    call: Call, workdir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    figures = {m: dict.fromkeys(("value", "low", "high"), 0.5) for m in ("cer", "top1")}
    measured = tmp_path / "hi.json"
    by_pair = {"hi>en": {"n": 7, **figures}}
    digest = load_model(workdir / "teacher").digest
    data = {"path": "hi.tsv"}
    system = {"name": "model", "decode": "greedy", "digest": digest}
    made = {"format": "epik-evaluation-1", "data": data, "system": system}
    measured.write_text(json.dumps({**made, "by_pair": by_pair}))
    options = ["--model", "teacher", "--bfloat16", "--licences", "CC0 1.0"]
    options += ["--metrics", measured]
    status, shown, _ = call("export", "--workdir", workdir, "--out", out, *options)
    assert (status, shown) == (0, f"{out}\n")
    card = (out / "README.md").read_text()
    assert "licences of the data: CC0 1.0" in card
    assert "| hi.tsv, hi>en, greedy | 7 | 50.00 [50.00, 50.00] |" in card
    made, whole = load_model(out), load_model(workdir / "teacher")
    assert {k: v for k, v in made.about.items() if k != "metrics"} == whole.about
    sizes = [
        (f / "model.safetensors").stat().st_size for f in (out, workdir / "teacher")
    ]
    assert sizes[0] < 0.7 * sizes[1]


def test_a_run_ends_with_its_table(
    call: Call, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = {"value": 0.25, "low": 0.125, "high": 0.5}
    overall = dict.fromkeys(("cer", "top1", "sound_class"), figure)
    systems = [
        {"name": name, "decode": "greedy", "overall": overall}
        for name in ("student", "chain")
    ]
    timing = {
        "reduction_percent": {"1": 40.04, "32": 51.0},
        "reduced": {"first": "student", "second": "chain"},
    }
    about = {"format": "epik-report-1", "data": {"n": 48}}
    report = {**about, "systems": systems, "timing": timing}
    monkeypatch.setattr(run, "run", recipes := console.Recipe(report))
    overrides = ["--config.a.b=1", "--config.c", "x y"]
    status, out, _ = call("run", "--config", "f:v", *overrides, "--workdir", workdir)
    expected = ("f:v", ["a.b=1", "c=x y"], workdir, {"evaluate": True})
    assert recipes.calls == [expected]
    lines = out.split("\n")
    assert status == 0
    assert lines[1].split()[:5] == ["student", "(greedy)", "48", "25.00", "[12.50,"]
    assert lines[3].endswith("40.0 % at batch size 1, 51.0 % at batch size 32")
    assert f"report: {workdir / 'report.html'}" in lines
    below = lines[lines.index("") :]
    for title in ("CER: ", "top-1: ", "sound class: ", "time saved: "):
        assert any(line.startswith(title) for line in below)
    assert not any(line.startswith("strict key: ") for line in below)
    assert f"student: {workdir / 'student'}" in lines


def test_train_measures_nothing(
    call: Call, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "run", recipes := console.Recipe(None))
    status, out, _ = call("train", "--config=f", f"--workdir={workdir}")
    assert recipes.calls == [("f", [], workdir, {"evaluate": False})]
    assert status == 0 and "report" not in out and "student: " in out


def test_cache_names_the_folders(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        run, "fill_caches", console.Recipe([tmp_path / "cache" / "back"])
    )
    status, out, _ = call("cache", "--config=f", f"--workdir={tmp_path}")
    assert (status, out) == (0, f"cache: {tmp_path / 'cache' / 'back'}\n")


def test_inspect_prints_every_cache_of_a_run(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache" / "transfer"
    folder.mkdir(parents=True)
    (folder / run.FILE_NAME).write_text("{}")
    monkeypatch.setattr(run, "inspect", lambda at: {"at": str(at)})
    for given in (tmp_path, folder):
        status, out, _ = call("cache", "inspect", given)
        assert status == 0 and out.startswith(f"{folder}:\n")
        assert json.loads(out.partition("\n")[2]) == {"at": str(folder)}


def test_the_doctor_fails_where_something_is_broken(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for state, status in (("ok", 0), ("note", 0), ("BROKEN", 1)):
        findings = [doctor.Finding(state, "jax", "here")]
        monkeypatch.setattr(doctor, "examine", lambda found=findings: found)
        code, out, _ = call("doctor")
        assert (code, out.split()) == (status, [state, "jax", "here"])


def test_arguments_are_utf8_whatever_the_locale_says() -> None:
    word = "ಕನ್ನಡ".encode().decode("ascii", "surrogateescape")
    given = ["transliterate", "--checkpoint", "M", "--to", "ta", word]
    assert arguments.parse(given).words == ["ಕನ್ನಡ"]


def test_the_version_is_printed(call: Call) -> None:
    status, out, _ = call("--version")
    assert status == 0 and out.startswith("epik-jax")
