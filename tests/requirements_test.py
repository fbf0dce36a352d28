"""What a TPU VM installs is all that the package asks for."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def pins():
    """Name -> version of every line of requirements-tpu.txt."""
    found = {}
    for line in (ROOT / "requirements-tpu.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pinned = Requirement(line)
            [only] = pinned.specifier
            assert only.operator == "==", line
            found[canonical(pinned.name)] = only.version
    return found


def asked():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"].splitlines()
    return [Requirement(x) for x in lines if x.strip() and not x.startswith("#")]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("requirement", asked(), ids=str)
def test_a_tpu_vm_has_every_library_in_a_version_that_is_asked_for(requirement):
    version = pins().get(canonical(requirement.name))
    assert version, f"{requirement.name} is not in requirements-tpu.txt"
    assert version in requirement.specifier


def test_jax_on_a_tpu_vm_comes_with_its_compiler():
    assert {"jax", "jaxlib", "libtpu"} <= set(pins())
    assert "jax[tpu]==" in (ROOT / "requirements-tpu.txt").read_text()
