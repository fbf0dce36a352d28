"""What a machine has for this project: packages, devices, disk, allocator.

Nothing goes in; lines for a person and the number of broken things come out. It repairs
nothing and imports optional packages never.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from epik_jax import host

TESTED = {
    "python": "3.11",
    "jax": "0.10.2",
    "jaxlib": "0.10.2",
    "flax": "0.12.8",
    "optax": "0.2.8",
    "orbax-checkpoint": "0.12.8",
    "numpy": "2.4.6",
    "sentencepiece": "0.2.3",
}
"""Versions that the tests ran with together."""

_REQUIRED = (
    *("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "sentencepiece"),
    *("safetensors", "rapidfuzz", "google-crc32c", "ml-collections"),
)
_OPTIONAL = {
    "icu": ("PyICU",),
    "tfds": ("tensorflow-datasets", "array_record", "importlib_resources"),
    "phonetics": ("epitran", "panphon"),
    "tpu": ("libtpu",),
}
_MODULES = {
    "google-crc32c": "google_crc32c",
    "ml-collections": "ml_collections",
    "orbax-checkpoint": "orbax.checkpoint",
}
_ENOUGH_DISK = 2 << 30


class Finding(NamedTuple):
    """One thing looked at: "ok", "note" or "BROKEN", its name, what was found."""

    state: str
    name: str
    found: str


def examine() -> list[Finding]:
    """Looks at everything; a thing that is broken does not stop the rest."""
    return [
        *_python(),
        *(_package(name) for name in _REQUIRED),
        *_own(),
        *_devices(),
        *_extras(),
        *_disk(),
        Finding("ok", "allocator", host.set_allocator()),
    ]


def as_text(findings: list[Finding]) -> str:
    """The findings as aligned lines."""
    width = max(len(f.name) for f in findings)
    return "\n".join(f"{f.state:6}  {f.name:{width}}  {f.found}" for f in findings)


def _python() -> Iterator[Finding]:
    fits = sys.version_info >= (3, 11)
    found = f"{platform.python_version()} on {platform.platform()}"
    lacking = "" if fits else "; 3.11 or newer is needed"
    yield Finding("ok" if fits else "BROKEN", "python", found + lacking)


def _package(name: str) -> Finding:
    try:
        importlib.import_module(_MODULES.get(name, name))
        version = importlib.metadata.version(name)
    except Exception as error:  # A broken installation may raise anything.
        cause = " ".join(str(error).split())
        return Finding("BROKEN", name, f"{type(error).__name__}: {cause}")
    if bounds := _bounds().get(name):
        outside = [b for b in bounds if not _fits(version, b)]
        if outside:
            wanted = ",".join(bounds)
            return Finding("BROKEN", name, f"{version}, but {wanted} is needed")
    tested = TESTED.get(name, version)
    note = "" if version == tested else f" (tested with {tested})"
    return Finding("ok", name, version + note)


def _own() -> Iterator[Finding]:
    try:
        version = importlib.metadata.version("epik-jax")
    except importlib.metadata.PackageNotFoundError:
        version = "a checkout that is not installed"
    try:
        importlib.import_module("epik_jax.recipes.run")
    except Exception as error:  # As above.
        yield Finding("BROKEN", "epik-jax", f"{type(error).__name__}: {error}")
    else:
        yield Finding("ok", "epik-jax", version)


def _devices() -> Iterator[Finding]:
    try:
        import jax

        total = float(jax.numpy.arange(4.0).sum())
        devices = jax.devices()
    except Exception as error:  # A driver that does not fit raises its own kinds.
        cause = " ".join(str(error).split())
        yield Finding("BROKEN", "devices", f"{type(error).__name__}: {cause}")
        return
    state = "ok" if total == 6.0 else "BROKEN"
    kinds = sorted({d.device_kind for d in devices})
    found = f"{len(devices)} {jax.default_backend()} ({', '.join(kinds)})"
    yield Finding(state, "devices", found)


def _extras() -> Iterator[Finding]:
    for extra, packages in _OPTIONAL.items():
        found, missing = [], []
        for package in packages:
            try:
                found.append(f"{package} {importlib.metadata.version(package)}")
            except importlib.metadata.PackageNotFoundError:
                missing.append(package)
        hint = f"; pip install 'epik-jax[{extra}]'" if missing else ""
        absent = [f"no {package}" for package in missing]
        state = "note" if missing else "ok"
        yield Finding(state, f"extra {extra}", ", ".join([*found, *absent]) + hint)


def _disk() -> Iterator[Finding]:
    places = {"disk here": Path.cwd()}
    try:
        folder = host.compilation_folder()
        places["disk for compiled programs"] = folder
    except (ImportError, RuntimeError) as error:
        yield Finding("note", "disk for compiled programs", f"no folder: {error}")
    for name, place in places.items():
        there = next(p for p in (place, *place.parents) if p.exists())
        free = shutil.disk_usage(there).free
        state = "ok" if free >= _ENOUGH_DISK else "note"
        scarce = "" if state == "ok" else ", a cache or a checkpoint may not fit"
        yield Finding(state, name, f"{free / 2**30:.1f} GiB free, {place}{scarce}")


def _bounds() -> dict[str, list[str]]:
    """Version bounds by package, as the installed project states them."""
    try:
        stated = importlib.metadata.requires("epik-jax") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found = {}
    for line in stated:
        requirement, _, condition = line.partition(";")
        match = re.match(r"([\w.-]+)\s*(.*)", requirement.strip())
        if match and "extra" not in condition:
            found[match[1]] = [b.strip() for b in match[2].split(",") if b.strip()]
    return found


def _fits(version: str, bound: str) -> bool:
    match = re.match(r"(>=|<)\s*([\d.]+)", bound)
    if match is None:
        return True  # Only these two are in use; pip itself knows the others.
    have, limit = _numbers(version), _numbers(match[2])
    return have >= limit if match[1] == ">=" else have < limit


def _numbers(version: str) -> tuple[int, ...]:
    leading = re.match(r"[\d.]*\d", version)
    return tuple(int(n) for n in leading[0].split(".")) if leading else ()
