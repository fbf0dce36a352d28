"""The whole recipe on pieces in place of letters: train, cache, report, use."""

from __future__ import annotations

import json
from pathlib import Path

import console
import pytest
import tiny_run

from epik_jax.interop.model_folder import load_model
from epik_jax.recipes import run as runs
from epik_jax.text.pieces import SentencePieceVocabulary
from epik_jax.text.wellformed import is_wellformed

OVERRIDES = [
    *tiny_run.OVERRIDES,
    "epik.teacher.vocabulary.kind=sentencepiece",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pieces")
    trained: list[list[str]] = [[]]
    with tiny_run.small(trained):
        runs.run(tiny_run.CONFIG, OVERRIDES, folder, evaluate=True)
        assert trained == [["matra", "strong"]]
        trained.append([])
        # The same pieces, or nothing that was done before would fit.
        runs.run(tiny_run.CONFIG, OVERRIDES, folder, evaluate=False)
        assert trained[1] == []
    return folder


def test_both_models_carry_the_pieces_of_the_run(folder: Path) -> None:
    (learnt,) = (folder / "vocabulary").iterdir()
    for name in ("teacher", "student"):
        model = load_model(folder / name)
        assert isinstance(model.vocabulary, SentencePieceVocabulary)
        assert model.vocabulary.model == learnt.read_bytes()
        assert model.config.vocab_size == model.vocabulary.size == 400


def test_stages_and_caches_are_known_by_the_pieces(folder: Path) -> None:
    fingerprint = load_model(folder / "student").vocabulary.fingerprint
    for stage in ("matra", "strong"):
        done = json.loads((folder / "stages" / stage / "finished.json").read_text())
        assert done["meta"]["vocabulary"] == fingerprint
    for cache in ("transfer", "back"):
        manifest = json.loads((folder / "cache" / cache / "MANIFEST.json").read_text())
        assert manifest["fingerprint"]["vocabulary"] == fingerprint


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_words_are_written_in_the_script_asked_for(
    folder: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    guard = console.guarded(monkeypatch)
    next(guard)
    options = ("--checkpoint", folder / name, "--to", "ta", "--json", "--beam", 2)
    status, out, err = console.call(capsys, "transliterate", *options, "दिल्ली ಮನ")
    next(guard, None)
    assert status == 0, err
    words = [word for line in out.splitlines() for word in _candidates(line)]
    assert words and all(is_wellformed(word, "ta") for word in words)


def _candidates(line: str) -> list[str]:
    found = json.loads(line)
    return [c["text"] for w in found["words"] for c in w.get("candidates", ())]
