"""Benchmarks tell mistakes in one line, before their work, and spoil no file."""

from __future__ import annotations

import json

import choose
import measure
import mistakes
import peers
import pytest
import train

import results

PARALLEL = "src_lang\ttgt_lang\tsrc\trefs\tkey\tsource\n"


@pytest.mark.parametrize(
    ("script", "typed", "said"),
    [
        (results, "nowhere.json out.json", "No such file .*nowhere.json"),
        (results, "pairs.tsv out.json", "pairs.tsv is not JSON"),
        (results, "list.json out.json", "list.json is neither a report nor"),
        (results, "report.json report.json", "is what is to be read"),
        (train, "--json .", "is a folder; name a file"),
        (choose, "--pairs nowhere --checkpoint M", "no file nowhere"),
        (choose, "--pairs two.tsv --checkpoint M", "two.tsv:1: the header lacks"),
        (peers, "--pairs pairs.tsv --json pairs.tsv", "is what is to be read"),
        (peers, "--pairs pairs.tsv --part= --apart places", "no direct name but"),
    ],
)
def test_a_mistake_is_one_line_and_spoils_nothing(
    script, typed, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    files = {
        "two.tsv": "a\tb\n",
        "pairs.tsv": PARALLEL + "hi\tta\tमन\tமன\tman\tplaces\n",
        "list.json": "[]",
        "report.json": json.dumps({"format": results.REPORT}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr("sys.argv", [script.__file__, *typed.split()])
    with pytest.raises(SystemExit, match=rf"{script.__name__}\.py: .*{said}") as caught:
        mistakes.told(script.main)
    assert "\n" not in str(caught.value)
    left = {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()}
    assert left == files


def test_rows_are_written_to_a_folder_that_is_not_there_yet(tmp_path, capsys):
    measure.show([{"what": "x", "ms": 1.5}], tmp_path / "new" / "rows.json")
    written = json.loads((tmp_path / "new" / "rows.json").read_text())
    assert written["rows"] == [{"what": "x", "ms": 1.5}]
    assert "1.5" in capsys.readouterr().out


@pytest.mark.parametrize("typed", ["--repeats 0", "--repeats -1", "--repeats few"])
def test_a_count_is_one_or_more(typed, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train.py", *typed.split()])
    with pytest.raises(SystemExit):
        measure.arguments("")
    assert "is not a number from 1" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["report.json", "a b c"])
def test_a_report_is_kept_with_two_files_or_not_at_all(typed, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["results.py", *typed.split()])
    with pytest.raises(SystemExit):
        results.main()
    assert "give a report and where to keep it" in capsys.readouterr().err
