"""Pairs are scored and ranked, scorers measured, and mistakes told, from a terminal."""

from __future__ import annotations

import functools
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import console
import pytest
import toy_pairs
from toy_pairs import CONFIGS, PAIRS

from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.recipes import card
from epik_jax.recipes.measured import measured
from epik_jax.teachers import placed

Call = Callable[..., console.Outcome]
TSV = "who ?\ta b\tyes\nwho ?\tc d\tno\nwhere ?\te\tyes\nwhere ?\tf g\tno\n"


@pytest.fixture(autouse=True)
def untouched_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(placed, "WIDTH_STEP", toy_pairs.MAX_LENGTH)
    yield from console.guarded(monkeypatch)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return functools.partial(console.call, capsys)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scorers that have learnt nothing; one ranks."""
    root = tmp_path_factory.mktemp("models")
    for name, config, right in zip(("m", "n"), CONFIGS, ("yes", ""), strict=True):
        about = {"recipe": "tmkd", "data": ["-"], "command": "-", "commit": "-"}
        about |= {"languages": [], "right": right}
        network = toy_pairs.network(config)
        model = ModelFolder(network.params, config, network.pieces, about)
        card_text = card.model_card(model)
        export_model(model, root / name, bfloat16=False, card=card_text)
    return root


def test_arguments_file_and_standard_input_agree(
    call: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{pair.text_a}\t{pair.text_b}" for pair in PAIRS]
    content = "\n".join(lines).encode()
    (tmp_path / "lines.tsv").write_bytes(content)
    common = ["score", "--checkpoint", folder / "m"]
    by_words = call(*common, *lines)
    assert by_words[0] == 0 and by_words[1].count("\n") == len(PAIRS)
    assert call(*common, "--file", tmp_path / "lines.tsv") == by_words
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert call(*common) == by_words


def test_objects_say_what_columns_say_and_ranks_are_by_score(
    call: Call, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.tsv").write_text(TSV)
    common = ["score", "--checkpoint", folder / "m", "--file", tmp_path / "p.tsv"]
    _, columns, _ = call(*common, "--rank")
    _, objects, _ = call(*common, "--rank", "--json")
    made = [json.loads(line) for line in objects.splitlines()]
    for line, one in zip(columns.splitlines(), made, strict=True):
        score, label, text_a, text_b = line.split("\t")
        assert (text_a, text_b) == (one["text_a"], one["text_b"])
        assert float(score) == pytest.approx(one["probs"]["yes"], abs=1e-5)
        assert label == max(one["probs"], key=one["probs"].get)
    assert [one["text_a"] for one in made] == ["who ?"] * 2 + ["where ?"] * 2
    assert made[0]["score"] >= made[1]["score"]


@pytest.mark.parametrize(("name", "metrics"), [("m", 3), ("n", 1)])
def test_a_scorer_is_measured_on_a_file_and_its_card_can_say_so(
    call: Call, folder: Path, tmp_path: Path, name: str, metrics: int
) -> None:
    pairs, out = tmp_path / "p.tsv", tmp_path / "deep" / "out.json"
    pairs.write_text(TSV)
    argv = ["--pair-file", pairs, "--checkpoint", folder / name, "--json", out]
    status, shown, _ = call("evaluate", *argv)
    made = json.loads(out.read_text())
    assert status == 0 and "(n: pairs)" in shown
    assert (made["n"], made["questions"]) == (4, 2)
    assert len(made["overall"]) == metrics == len(made["definitions"])
    from epik_jax.interop.model_folder import load_model

    model = load_model(folder / name)
    [row] = measured(out, model)
    assert row["n"] == 4 and row["accuracy"] == made["overall"]["accuracy"]
    other = load_model(folder / ("n" if name == "m" else "m"))
    with pytest.raises(ValueError, match="figures of another model"):
        measured(out, other)


def test_a_class_to_rank_by_can_be_named(
    call: Call, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.tsv").write_text(TSV)
    argv = ["--pair-file", tmp_path / "p.tsv", "--checkpoint", folder / "n"]
    _, shown, _ = call("evaluate", *argv, "--right", "no")
    assert "MAP %" in shown


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("score a", "--checkpoint"),
        ("score --checkpoint nowhere a", "nowhere is no model folder"),
        ("score --checkpoint M --file F x", "both given"),
        ("score --checkpoint M --file nofile", "nofile: No such file"),
        (
            "score --checkpoint M alone",
            "line 1: no two texts with a tab between: 'alone'",
        ),
        ("score --checkpoint M --right maybe a", "'maybe' is none of the model's"),
        ("score --checkpoint N --rank a", "--right which of ('no', 'yes')"),
        ("evaluate --pair-file P", "--pair-file wants a --checkpoint"),
        ("evaluate --pair-file P --checkpoint M --beam 2", "--beam is for --pairs"),
        ("evaluate --pair-file P --checkpoint M --lang en", "--lang is for --pairs"),
        ("evaluate --pair-file nofile --checkpoint M", "nofile"),
        ("evaluate --pair-file BAD --checkpoint M", "BAD:2: label is none of"),
        ("evaluate --pair-file EMPTY --checkpoint M", "no pair of texts in it"),
        ("evaluate --pair-file P --checkpoint M --right x", "'x' is none of"),
        ("evaluate --pair-file P --checkpoint M --json P", "is what is to be read"),
        ("evaluate --pairs P --checkpoint M --right x", "--right is for --pair-file"),
        ("tag --checkpoint M x", "holds a scorer of text pairs, which tags nothing"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    argv: str,
    said: str,
    call: Call,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "P").write_text(TSV)
    (tmp_path / "EMPTY").touch()
    (tmp_path / "BAD").write_text("a\tb\tyes\na\tb\tperhaps\n")
    (tmp_path / "M").symlink_to(folder / "m")
    (tmp_path / "N").symlink_to(folder / "n")
    assert said in console.message(2, call(*argv.split()))
    assert (tmp_path / "P").read_text() == TSV
