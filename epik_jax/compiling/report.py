"""All programs of a configuration, compiled for a topology: table and JSON.

A configuration and a topology go in, figures come out. Nothing is trained or run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from epik_jax.compiling.chips import GIB, Chip, chip_of
from epik_jax.compiling.facts import Facts, compiled_facts
from epik_jax.compiling.warnings import warnings_of
from epik_jax.evaluation.report import write_report
from epik_jax.parallel.topology import described_mesh, num_chips
from epik_jax.recipes import run
from epik_jax.recipes.program import Program
from epik_jax.recipes.provenance import commit, typed_command

FORMAT = "epik-compiled-1"

NOTES = (
    "HBM, FLOPs and bytes are of one device, as its compiler counts them: every loop "
    "once, however often it goes round, and operands that stay on the chip, too.",
    "The estimate is a roofline's: the longest of products, memory and links, each at "
    "its peak. MFU is the share of that time which products take.",
)


def compiled(
    config_file: str, overrides: list[str], topology: str
) -> Iterator[dict[str, Any]]:
    """Compiles one program after the other.

    Args:
      config_file: "FILE" or "FILE:variant".
      overrides: "path.to.key=value".
      topology: such as "v5e:4x8".

    Yields:
      JSON values of each program; "failed" says why the compiler refused one, for its
      memory say.

    Raises:
      ValueError: a configuration or a topology that cannot be compiled for.
    """
    recipe, built, _ = run.configured(config_file, overrides)
    chip, mesh = chip_of(topology), described_mesh(topology, built.mesh.model)
    core = chip.split(mesh.size // num_chips(topology))
    for program in recipe.programs(built, mesh):
        try:
            facts = compiled_facts(program, mesh.size)
        except ValueError as error:
            yield {"name": program.name, "rows": program.rows, "failed": str(error)}
        else:
            yield _figures(program, facts, core)


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
    if "failed" in figures:
        yield (
            f"{figures['name']}: cannot be compiled: {figures['failed']}; where memory "
            "is short, raise loop.num_microbatches or mesh.model"
        )
        return
    yield (
        f"{figures['name']}: compiled in {figures['compile_seconds']:.1f} s; "
        f"{figures['hbm_bytes'] / GIB:.3f} GiB of {figures['hbm_limit'] / GIB:.0f}, "
        f"{figures['flops'] / 1e9:,.2f} GFLOP, {figures['bytes'] / 1e6:,.1f} MB; "
        f"{_estimate(figures)}"
    )
    for kind, some in figures["collectives"].items():
        yield f"    {kind}: {some['count']}, {some['bytes'] / 1e6:,.3f} MB"
    for warning in figures["warnings"]:
        yield f"    warning: {warning}"


def _estimate(figures: Mapping[str, Any]) -> str:
    if figures["num_loops"]:
        return f"no estimate, for {figures['num_loops']} loops count once"
    estimate = figures["estimate"]
    return (
        f"{1e3 * estimate['seconds']:.3f} ms by {estimate['of']}, "
        f"MFU {estimate['utilisation']:.1%}"
    )


def _figures(program: Program, facts: Facts, chip: Chip) -> dict[str, Any]:
    seconds, of = facts.estimate(chip)
    estimate = {
        "seconds": seconds,
        "of": of,
        "each": facts.seconds(chip),
        "utilisation": facts.utilisation(chip),
    }
    return {
        "name": program.name,
        "rows": program.rows,
        "compile_seconds": facts.compile_seconds,
        "hbm_bytes": facts.hbm_bytes,
        "hbm_limit": chip.hbm_bytes,
        "argument_bytes": facts.argument_bytes,
        "temporary_bytes": facts.temporary_bytes,
        "flops": facts.flops,
        "bytes": facts.bytes,
        "collectives": facts.exchanged(),
        "num_loops": facts.num_loops,
        "estimate": None if facts.num_loops else estimate,
        "warnings": warnings_of(program, facts, chip),
    }
