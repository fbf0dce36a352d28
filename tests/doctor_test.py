"""The doctor names what is broken, and only that."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

import pytest

from epik_jax import doctor


def by_name(findings: list[doctor.Finding]) -> dict[str, doctor.Finding]:
    return {f.name: f for f in findings}


def test_a_sound_machine_has_nothing_broken() -> None:
    findings = doctor.examine()
    assert not [f for f in findings if f.state == "BROKEN"]
    found = by_name(findings)
    assert found["devices"].found.startswith("8 cpu")
    assert {"python", "jaxlib", "orbax-checkpoint", "allocator"} <= set(found)
    assert "GiB free" in found["disk here"].found
    lines = doctor.as_text(findings).split("\n")
    assert len(lines) == len(findings)


def test_a_library_that_cannot_be_imported_is_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = importlib.import_module

    def broken(name: str, *rest: Any) -> Any:
        if name == "sentencepiece":
            raise OSError("libprotobuf.so:\n not found")
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", broken)
    findings = doctor.examine()
    assert [f.name for f in findings if f.state == "BROKEN"] == ["sentencepiece"]
    said = by_name(findings)["sentencepiece"].found
    assert said == "OSError: libprotobuf.so: not found"


@pytest.mark.parametrize(
    ("stated", "state"),
    [
        ("jax<0.13,>=0.10.2", "ok"),
        ("jax<0.10,>=0.9", "BROKEN"),
        ("jax>=99", "BROKEN"),
        ("jax>=99; extra == 'tpu'", "ok"),
        ("jax", "ok"),
    ],
)
def test_versions_are_held_against_the_bounds_of_the_project(
    stated: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: [stated])
    assert by_name(doctor.examine())["jax"].state == state


def test_a_missing_extra_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "PyICU":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = by_name(doctor.examine())["extra icu"]
    assert found.state == "note" and "pip install 'epik-jax[icu]'" in found.found
