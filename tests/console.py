"""Commands run inside the test's process, and model folders for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from epik_jax import cli, host
from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import CharacterVocabulary

Outcome = tuple[int, str, str]
"""Exit status, standard output, standard error."""


def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes back what commands set up: other tests run in this process too."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")  # Chosen, so left alone.
    monkeypatch.setattr(host, "set_allocator", lambda: "")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def call(capsys: pytest.CaptureFixture[str], *argv: object) -> Outcome:
    """Runs a command."""
    status = 0
    try:
        cli.main([str(a) for a in argv])
    except SystemExit as end:
        status = int(end.code or 0)
    return status, *capsys.readouterr()


def message(status: int, found: Outcome) -> str:
    """The one line that a failed command says, after checking that it is one."""
    code, out, err = found
    assert code == status, found
    assert not out and err.count("\n") == 1 and err.startswith("epik-jax: "), found
    return err


def write_models(folder: Path) -> Path:
    """A run folder whose models have learned nothing and take words up to 22."""
    vocabulary = CharacterVocabulary.from_languages(LANGUAGES)
    sizes = {"width": 8, "num_heads": 2, "feed_forward": 8, "max_length": 24}
    config = TransformerConfig(
        vocabulary.size, encoder_layers=1, decoder_layers=1, **sizes
    )
    params = initial.init_params(transformer.parameter_shapes(config), 0)
    for name, recipe in (("teacher", "matra"), ("student", "epik")):
        about = {"recipe": recipe, "data": ["none"], "command": "-", "commit": "-"}
        model = ModelFolder(params, config, vocabulary, about)
        export_model(model, folder / name, bfloat16=False, card="")
    return folder


class Recipe:
    """Stands in for a function that runs one; remembers how it was called."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *given: Any, **options: Any) -> Any:
        self.calls.append((*given, options))
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome
