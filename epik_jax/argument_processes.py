"""Options of a run of several processes: which of them this one is."""

from __future__ import annotations

import argparse
import re

from epik_jax.argument_types import index, positive


def add_processes(parser: argparse.ArgumentParser) -> None:
    """Adds the options to a command."""
    add = parser.add_argument
    add(
        "--distributed",
        action="store_true",
        help="one of several processes; on Cloud TPU they find each other",
    )
    add("--coordinator-address", metavar="HOST:PORT", help="of the first of them")
    add("--num-processes", type=positive, metavar="N", help="how many there are")
    add("--process-id", type=index, metavar="I", help="which one this is, from 0")


def demand_processes(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> None:
    """Refuses options that do not make one process of several.

    Raises:
      ValueError: some are missing, or they contradict each other.
    """
    names = ("coordinator_address", "num_processes", "process_id")
    given = [getattr(arguments, name) for name in names]
    if all(value is None for value in given):
        return
    address, count, index = given
    if None in given or not arguments.distributed:
        options = " ".join(f"--{name.replace('_', '-')}" for name in names)
        parser.error(f"--distributed {options} go together")
    if index >= count:
        parser.error(f"--process-id {index} is not below --num-processes {count}")
    port = re.fullmatch(r".+:(\d{1,5})", address)
    if not port or not 0 < int(port[1]) < 1 << 16:
        parser.error(f"--coordinator-address {address} is not HOST:PORT")
