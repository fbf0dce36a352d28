"""Sentences are tagged, taggers scored, and mistakes told, from the command line."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import console
import pytest
import toy_tagging

from epik_jax.data.conll import read_conll
from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.teachers import placed

Call = Callable[..., console.Outcome]
SENTENCES = dataclasses.replace(
    toy_tagging.ENCODER, labels=("none", "PER"), pooling="first"
)
LINES = ["Ada lives in Pune.", "", "पुणे में बारिश"]
CONLL = "Ada\tB-PER\nlives\tO\nin\tO\nPune\tB-LOC\n\nRome\tB-LOC\n"


@pytest.fixture(autouse=True)
def untouched_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(placed, "WIDTH_STEP", toy_tagging.WIDTH)
    yield from console.guarded(monkeypatch)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return functools.partial(console.call, capsys)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder whose teacher and student have learnt nothing."""
    folder = tmp_path_factory.mktemp("run")
    about = {"recipe": "xtremedistil", "data": ["-"], "command": "-", "commit": "-"}
    for name, config in (
        ("teacher", toy_tagging.ENCODER),
        ("student", toy_tagging.BILSTM),
        ("sentences", SENTENCES),
    ):
        network = toy_tagging.network(config)
        model = ModelFolder(network.params, config, network.pieces, about)
        export_model(model, folder / name, bfloat16=False, card="")
    return folder


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that writes words in another script."""
    return console.write_models(tmp_path_factory.mktemp("words")) / "student"


def test_sentences_file_and_standard_input_agree(
    call: Call, workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "\n".join(LINES).encode()
    (tmp_path / "lines.txt").write_bytes(content)
    common = ["tag", "--checkpoint", workdir / "student"]
    by_words = call(*common, *LINES)
    assert by_words[0] == 0 and by_words[1].count("\n") == 3
    assert call(*common, "--file", tmp_path / "lines.txt") == by_words
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert call(*common) == by_words
    assert call("tag", LINES[0], *common[1:], *LINES[1:]) == by_words


def test_the_three_formats_say_the_same(
    call: Call, workdir: Path, tmp_path: Path
) -> None:
    common = ["tag", "--checkpoint", workdir / "student", *LINES]
    _, text, _ = call(*common)
    _, columns, _ = call(*common, "--format", "conll")
    _, rows, _ = call(*common, "--format", "json")
    made = [json.loads(row) for row in rows.splitlines()]
    assert [row["text"] for row in made] == LINES
    (tmp_path / "out.conll").write_text(columns, encoding="utf-8")
    sentences, _ = read_conll(tmp_path / "out.conll", "")
    expected = [(tuple(r["words"]), tuple(r["tags"])) for r in made if r["words"]]
    assert [(s.words, s.tags) for s in sentences] == expected
    for row, line in zip(made, text.splitlines(), strict=True):
        assert line.count("[") == len(row["entities"])
        for entity in row["entities"]:
            assert f"[{entity['type']} {entity['text']}]" in line
            assert row["text"][entity["start"] : entity["end"]] == entity["text"]
    assert any(row["entities"] for row in made)


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_a_tagger_is_scored_on_a_file(
    call: Call, workdir: Path, tmp_path: Path, name: str
) -> None:
    conll, out = tmp_path / "two.conll", tmp_path / "deep" / "out.json"
    conll.write_text(CONLL, encoding="utf-8")
    argv = ["--conll", conll, "--checkpoint", workdir / name, "--json", out]
    status, shown, _ = call("evaluate", *argv)
    made = json.loads(out.read_text())
    assert status == 0 and f"{workdir.name}/{name}" in shown and "all" in shown
    assert (made["n"], made["entities"]) == (2, 3)
    assert made["data"]["path"] == f"{tmp_path.name}/two.conll"
    assert 0 <= made["overall"]["f1"]["value"] <= 1
    assert set(made["overall"]) <= set(made["definitions"])
    assert conll.read_text(encoding="utf-8") == CONLL


def test_a_labeller_of_sentences_is_scored_on_a_file(
    call: Call, workdir: Path, tmp_path: Path
) -> None:
    student, out = workdir / "sentences", tmp_path / "out.json"
    lines = ["Ada lives in Pune .", "Hi", "Rome"]
    (tmp_path / "bare.txt").write_text("\n".join(lines))
    _, said, _ = call("tag", "--checkpoint", student, "--file", tmp_path / "bare.txt")
    labels = [line.split("\t")[1] for line in said.splitlines()]
    other = {"none": "PER", "PER": "none"}[labels[0]]
    gold = [other, *labels[1:]]
    rows = (f"{line}\t{label}\n" for line, label in zip(lines, gold, strict=True))
    (tmp_path / "labelled.tsv").write_text("".join(rows))
    argv = ["--labelled", tmp_path / "labelled.tsv", "--json", out]
    status, shown, _ = call("evaluate", "--checkpoint", student, *argv)
    made = json.loads(out.read_text())
    assert status == 0 and "(n: sentences)" in shown and "66.67" in shown
    assert made["overall"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert made["by_type"][other]["accuracy"]["value"] < 1
    assert sum(found["n"] for found in made["by_type"].values()) == made["n"] == 3
    assert made["data"]["classes"] == ["none", "PER"]


def test_a_transliterator_is_told_from_a_tagger(
    call: Call, workdir: Path, words: Path, tmp_path: Path
) -> None:
    (tmp_path / "C").write_text(CONLL)
    for argv in (["tag", "x"], ["evaluate", "--conll", tmp_path / "C"]):
        said = console.message(2, call(*argv, "--checkpoint", words))
        assert "holds a transliterator, which tags nothing" in said
    argv = ["transliterate", "--to", "ta", "मन", "--checkpoint", workdir / "student"]
    said = console.message(2, call(*argv))
    assert "holds a tagger, which transliterates nothing" in said


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("tag x", "--checkpoint"),
        ("tag --checkpoint nowhere x", "nowhere is no model folder"),
        ("tag --checkpoint RUN x", "RUN is a run, not a model folder; take"),
        ("tag --checkpoint M --file F x", "both given"),
        ("tag --checkpoint M --file nofile", "nofile: No such file"),
        ("tag --checkpoint M --file .", ".: Is a directory"),
        ("tag --checkpoint M --file EMPTY", "EMPTY: is empty"),
        ("tag --checkpoint M --file BAD", "BAD:2: byte 1 of the line is not UTF-8"),
        ("tag --checkpoint M --format xml x", "invalid choice: 'xml'"),
        ("tag --checkpoint M --jsn x", "--jsn"),
        ("tag --checkpoint M --config.a=1 x", "takes no --config.a=1"),
        ("evaluate --conll C", "--conll wants a --checkpoint"),
        ("evaluate --conll C --pairs C --checkpoint M", "not allowed with"),
        ("evaluate --labelled C --checkpoint M", "M tags words: score it on tagged"),
        ("evaluate --labelled C", "--labelled wants a --checkpoint"),
        ("evaluate --labelled C --checkpoint M --beam 2", "nothing to --labelled"),
        ("evaluate --labelled EMPTY --checkpoint S", "EMPTY: no labelled sentence"),
        ("evaluate --labelled C --checkpoint S", "C:1: label is none of"),
        ("evaluate --conll C --checkpoint S", "score a model that labels sentences"),
        (
            "evaluate --checkpoint M",
            "--labelled --pair-file is required",
        ),
        ("evaluate --conll nofile --checkpoint M", "nofile"),
        ("evaluate --conll . --checkpoint M", "."),
        ("evaluate --conll EMPTY --checkpoint M", "EMPTY: no tagged sentence in it"),
        ("evaluate --conll BAD --checkpoint M", "BAD:2: bad UTF-8"),
        ("evaluate --conll UNTAGGED --checkpoint M", "UNTAGGED:1: no tag"),
        ("evaluate --conll C --checkpoint nowhere", "nowhere is no model folder"),
        ("evaluate --conll C --checkpoint RUN", "RUN is a run, not a model folder"),
        ("evaluate --conll C --checkpoint M --json C", "is what is to be read"),
        ("evaluate --conll C --checkpoint M --json .", "is a folder"),
        ("evaluate --conll C --checkpoint M --chain", "--chain is for --pairs"),
        ("evaluate --conll C --checkpoint M --beam 2", "--beam is for --pairs"),
        ("evaluate --conll C --checkpoint M --limit 1", "--limit is for --pairs"),
        ("evaluate --conll C --checkpoint M --limit 7", "--limit is for --pairs"),
        ("evaluate --conll C --checkpoint M --to ta", "--to is for --pairs"),
        ("evaluate --conll C --checkpoint M --from ta", "--from is for --pairs"),
        ("evaluate --conll C --checkpoint M --part report", "--part is for --pairs"),
        ("evaluate --conll C --checkpoint M --apart a", "--apart is for --pairs"),
        ("evaluate --conll C --checkpoint M --format pairs", "--format is for --pairs"),
        ("evaluate --conll C --table builtin --checkpoint M", "--table is for --pairs"),
        (
            "evaluate --conll C --checkpoint M --feature-distance",
            "--feature-distance is for --pairs",
        ),
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
    (tmp_path / "C").write_text(CONLL, encoding="utf-8")
    (tmp_path / "EMPTY").touch()
    (tmp_path / "UNTAGGED").write_text("Ada\n")
    (tmp_path / "BAD").write_bytes(b"Ada O\n\xff O\n")
    (tmp_path / "M").symlink_to(workdir / "student")
    (tmp_path / "S").symlink_to(workdir / "sentences")
    (tmp_path / "RUN").symlink_to(workdir)
    status, out, err = call(*argv.split())
    if "--file BAD" in argv:
        out = ""  # What stood before the bad line may be tagged.
    assert said in console.message(2, (status, out, err))
    assert (tmp_path / "C").read_text(encoding="utf-8") == CONLL


def test_sentences_that_are_empty_are_refused(call: Call, workdir: Path) -> None:
    found = call("tag", "--checkpoint", workdir / "student", " ")
    assert "sentences are empty" in console.message(2, found)
