"""All programs of a configuration, compiled for a topology: table and JSON.

A configuration and a topology go in, figures come out. Nothing is trained or run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from epik_jax.compiling.chips import GIB, Chip, chip_of
from epik_jax.compiling.distinct import Lowered, distinct
from epik_jax.compiling.facts import Facts, compiled_facts
from epik_jax.compiling.warnings import warnings_of
from epik_jax.evaluation.report import write_report
from epik_jax.parallel.topology import described_mesh, num_chips
from epik_jax.recipes import run
from epik_jax.recipes.provenance import commit, typed_command

FORMAT = "epik-compiled-1"

NOTES = (
    "HBM, FLOPs and bytes are of one device. FLOPs are of products alone, bytes of what"
    " goes to HBM or comes from there; what a loop does counts in each round.",
    "The estimate is a roofline's: the longest of products, memory and links, each at "
    "its peak. MFU is the share of that time which products take.",
    '"At most" is of a loop that may end early, as decoding does when all is written.',
)


def compiled(
    config_file: str, overrides: list[str], topology: str, only: str = ""
) -> Iterator[dict[str, Any]]:
    """Compiles one program after the other.

    Args:
      config_file: "FILE" or "FILE:variant".
      overrides: "path.to.key=value".
      topology: such as "v5e:4x8".
      only: programs in whose names this stands; all unless given.

    Yields:
      JSON values of each program; "failed" says why the compiler refused one, for its
      memory say.

    Raises:
      ValueError: a configuration or a topology that cannot be compiled for, or no
        program of such a name.
    """
    recipe, built, _ = run.configured(config_file, overrides)
    chip, mesh = chip_of(topology), described_mesh(topology, built.mesh.model)
    core = chip.split(mesh.size // num_chips(topology))
    every = recipe.programs(built, mesh)
    chosen = [program for program in every if only in program.name]
    if not chosen:
        names = ", ".join(program.name for program in every)
        raise ValueError(f"--only {only!r}: no program has that in its name: {names}")
    for one in distinct(chosen):
        yield _compiled(one, mesh.size, core)


def write(
    out: Path,
    config_file: str,
    overrides: list[str],
    topology: str,
    programs: list[dict[str, Any]],
) -> None:
    """Writes what programs came to as JSON."""
    chip = chip_of(topology)
    program = f"epik-jax compile-tpu --topology={topology}"
    typed = typed_command(program, config_file, overrides)
    figures = {
        "format": FORMAT,
        "command": typed.removesuffix(" --workdir=RUN"),
        "commit": commit(),
        "topology": topology,
        "num_chips": num_chips(topology),
        "chip": dataclasses.asdict(chip),
        "notes": [*NOTES],
        "programs": programs,
    }
    write_report(out, figures)


def lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """A program for a terminal."""
    name = figures["name"]
    if same := figures["also"]:
        name += f" (and {len(same)} more of the same: {'; '.join(same)})"
    if "failed" in figures:
        yield f"{name}: cannot be compiled: {figures['failed']}"
        return
    yield (
        f"{name}: compiled in {figures['compile_seconds']:.1f} s; "
        f"{figures['hbm_bytes'] / GIB:.3f} GiB of {figures['hbm_limit'] / GIB:.0f}, "
        f"{_how_much(figures)}{figures['flops'] / 1e9:,.2f} GFLOP, "
        f"{figures['hbm_traffic'] / 1e6:,.1f} MB; {_estimate(figures)}"
    )
    for kind, some in figures["collectives"].items():
        yield f"    {kind}: {some['count']}, {some['bytes'] / 1e6:,.3f} MB"
    for warning in figures["warnings"]:
        yield f"    warning: {warning}"


def _how_much(figures: Mapping[str, Any]) -> str:
    if figures["unknown"]:
        return "at least "
    return "at most " if figures["at_most"] else ""


def _estimate(figures: Mapping[str, Any]) -> str:
    if figures["unknown"]:
        return f"no estimate: it is not known {', or '.join(figures['unknown'])}"
    estimate = figures["estimate"]
    return (
        f"{_how_much(figures)}{1e3 * estimate['seconds']:.3f} ms by {estimate['of']}, "
        f"MFU {estimate['utilisation']:.1%}"
    )


def _compiled(one: Lowered, num_devices: int, chip: Chip) -> dict[str, Any]:
    first, *rest = one.programs
    also = [program.name for program in rest]
    named = {"name": first.name, "also": also, "rows": first.rows}
    if one.lowered is None:
        return {**named, "failed": one.failed}
    try:
        facts = compiled_facts(one.lowered, num_devices)
    except ValueError as error:
        return {**named, "failed": str(error)}
    warnings = warnings_of(first, facts, chip)
    return {**named, **_figures(facts, chip), "warnings": warnings}


def _figures(facts: Facts, chip: Chip) -> dict[str, Any]:
    seconds, of = facts.estimate(chip)
    estimate = {
        "seconds": seconds,
        "of": of,
        "each": facts.seconds(chip),
        "utilisation": facts.utilisation(chip),
    }
    work = facts.work
    return {
        "compile_seconds": facts.compile_seconds,
        "hbm_bytes": facts.hbm_bytes,
        "hbm_limit": chip.hbm_bytes,
        "argument_bytes": facts.argument_bytes,
        "temporary_bytes": facts.temporary_bytes,
        "flops": work.flops,
        "hbm_traffic": work.hbm_traffic,
        "traffic": work.traffic,
        "collectives": facts.exchanged(),
        "num_loops": work.loops,
        "at_most": work.at_most,
        "unknown": [*work.unknown],
        "estimate": None if work.unknown else estimate,
    }
