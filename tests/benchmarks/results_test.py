"""RESULTS.md says what the files below results/ hold, and these files no words."""

from __future__ import annotations

import json
from pathlib import Path

import results

ROOT = Path(__file__).parents[2]


def test_every_row_of_the_kept_files_stands_in_the_document():
    text = (ROOT / "RESULTS.md").read_text(encoding="utf-8").splitlines()
    rows = [line.replace("**", "") for line in text]
    missing = [line for line in results.lines() if line not in rows]
    assert not missing, "\n".join(missing)


def test_kept_reports_hold_no_lists_of_words():
    for path in (ROOT / "results").rglob("*.json"):
        kept = json.loads(path.read_text(encoding="utf-8"))
        if "systems" in kept:
            assert results.without_words(kept) == kept, path
