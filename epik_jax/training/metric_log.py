"""Metrics of a run as JSON lines: one line a moment, the truth that reports read.

Append-only, except that a resumed run drops what an earlier one wrote after the step
that it resumes from. Of several processes the first writes.
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from epik_jax.files import write_whole
from epik_jax.parallel import processes


class MetricLog:
    """The metric log of one run."""

    def __init__(self, path: Path) -> None:
        """Opens the log for appending.

        Args:
          path: of a .jsonl file; made where it is missing.
        """
        self._path = path
        if processes.is_first():
            path.parent.mkdir(parents=True, exist_ok=True)

    def resume(self, stage: str, step: int) -> None:
        """Drops the lines of `stage` after `step`."""
        kept = [r for r in self.rows() if r["stage"] != stage or r["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in kept)
        processes.by_first(f"log of {stage}", write_whole, self._path, text)

    def write(self, stage: str, step: int, values: dict[str, float]) -> None:
        """Appends one line; a value that is unknown is left out by the caller."""
        if not processes.is_first():
            return
        row = {"stage": stage, "step": step, "time": round(time.time(), 3), **values}
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def rows(self) -> list[dict[str, Any]]:
        """All whole lines; what a stop cut short, or a disk garbled, is passed over."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8", errors="replace").split("\n")
        rows = [_row(line) for line in lines if line]
        whole = [row for row in rows if row is not None]
        if broken := len(rows) - len(whole):
            logging.warning(
                "%s: %d of %d lines cannot be read; curves and minutes miss them",
                *(self._path, broken, len(rows)),
            )
        return whole


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(row, dict) and {"stage", "step"} <= row.keys()
    return row if whole else None
