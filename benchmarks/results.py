"""The tables of RESULTS.md, out of the files below results/.

    python benchmarks/results.py                    prints them
    python benchmarks/results.py REPORT.json OUT    keeps a report, word lists left out

A figure in RESULTS.md that is not in these files has no right to be there: a test
compares them line by line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mistakes
import scoring_rows
import tagging_rows
import transliteration_rows

from epik_jax.evaluation.entity_page import FORMAT as TAGGING
from epik_jax.evaluation.report import FORMAT as REPORT
from epik_jax.files import write_whole
from epik_jax.recipes.transliteration.examination import FORMAT as EXAMINATION

KEPT = (REPORT, TAGGING, EXAMINATION)


def main() -> None:
    """Prints the tables, or keeps a report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="REPORT.json OUT")
    files = parser.parse_args().files
    if not files:
        print("\n".join(lines()))
    elif len(files) == 2:
        keep(*files)
    else:
        parser.error("give a report and where to keep it, or nothing")


def keep(report: Path, out: Path) -> None:
    """Writes a report without its word lists."""
    mistakes.demand_unspoilt(out, report)
    try:
        read = json.loads(report.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{report} is not JSON: {error}") from error
    if not (isinstance(read, dict) and read.get("format") in KEPT):
        raise ValueError(f"{report} is neither a report nor from `evaluate --json`")
    text = json.dumps(without_words(read), indent=1, ensure_ascii=False)
    out.resolve().parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, text + "\n")


def lines() -> Iterator[str]:
    """Rows of every table, as they stand in RESULTS.md."""
    yield from transliteration_rows.lines()
    yield from tagging_rows.lines()
    yield from scoring_rows.lines()


def without_words(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report without lists of single words, which the words' owners publish."""
    kept = {k: v for k, v in report.items() if k not in ("samples", "attention")}
    if "against_chain" in kept:
        told = kept["against_chain"].items()
        lists = {k: v for k, v in told if not isinstance(v, list)}
        kept["against_chain"] = lists
    return kept


if __name__ == "__main__":
    mistakes.told(main)
