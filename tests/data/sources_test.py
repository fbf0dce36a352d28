"""Claims about the readers: what they take, what they refuse, what they count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from epik_jax.data import sources
from epik_jax.data.pairs import WordPair
from epik_jax.data.rows import RowReport

HEADER = "src_lang\ttgt_lang\tsrc\trefs\tkey\tsource\n"

# (line, what becomes of it): a cause of refusal, a kind of drop, or None where kept.
HOSTILE = [
    ("अंक\tank\t3".encode(), None),
    (b"\xe0\xa4\tank\t1", "bad UTF-8"),
    ("অঙ্ক\tank\t1".encode(), "wrong script"),
    ("अंकल\tанк\t1".encode(), "wrong script"),
    (b"\tank\t1", "empty"),
    ("अंकल\t\t1".encode(), "empty"),
    ("अंकल\t  \t1".encode(), "empty"),
    (b"a" * 10_000, "not 3 columns"),
    ("क".encode() * 10_000 + b"\tka\t1", "over-long"),
    ("अंकल\tuncle\t4\r".encode(), None),
    ("अं\u2028कल\tuncle\t4".encode(), "wrong script"),
    ("अंक\tank\t3".encode(), "duplicate"),
    ("अंक\tAnk\t3".encode(), "duplicate"),
    ("अंक\tank".encode(), "not 3 columns"),
    ("अंक\tank\t3\t".encode(), "not 3 columns"),
    (b"", "not 3 columns"),
    ("अंकुर\tankur\tmany".encode(), "count is not a number"),
    ("अंकुर\tankur\t-1".encode(), "count is not a number"),
    ("अंकुर\tankur\t٣".encode(), "count is not a number"),
    ("अंकुर\tankur\t4".encode(), None),
]


def write_hostile(path: Path) -> Path:
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(line for line, _ in HOSTILE) + b"\n")
    return path


def assert_adds_up(report: RowReport, lines: int) -> None:
    assert report.read == lines
    assert report.read == report.kept + report.bad + sum(report.dropped.values())


def test_every_hostile_line_is_kept_dropped_or_refused_for_its_own_cause(
    tmp_path: Path,
) -> None:
    path = write_hostile(tmp_path / "hi.tsv")
    pairs, report = sources.read_dakshina(path, "hi", max_bad_share=1.0)
    fates = [fate for _, fate in HOSTILE]
    assert [(p.latin, p.count) for p in pairs] == [
        ("ank", 9),
        ("uncle", 4),
        ("ankur", 4),
    ]
    assert [p.where for p in pairs] == [
        f"{path}:{line}" for line, fate in enumerate(fates, 1) if fate is None
    ]
    counted = {**report.causes, **report.dropped}
    assert counted == {fate: fates.count(fate) for fate in set(fates) if fate}
    assert report.dropped == {"duplicate": 2}
    assert_adds_up(report, len(HOSTILE))


@pytest.mark.parametrize(
    ("number", "cause"),
    [(n, f) for n, (_, f) in enumerate(HOSTILE, 1) if f and f != "duplicate"],
)
def test_a_bad_line_is_named_by_file_line_and_cause(
    tmp_path: Path, number: int, cause: str
) -> None:
    path = tmp_path / "hi.tsv"
    good = "अंक\tank\t3\n".encode()
    path.write_bytes(good * (number - 1) + HOSTILE[number - 1][0] + b"\n" + good)
    _, report = sources.read_dakshina(path, "hi", max_bad_share=1.0)
    assert [first.split(": ")[:2] for first in report.firsts] == [
        [f"{path}:{number}", cause]
    ]


def test_more_bad_lines_than_allowed_stop_the_reading(tmp_path: Path) -> None:
    path = write_hostile(tmp_path / "hi.tsv")
    with pytest.raises(ValueError, match=r"hi\.tsv: 15 of 20 lines are bad") as error:
        sources.read_dakshina(path, "hi")
    assert f"{path}:2: bad UTF-8" in str(error.value)


def test_one_bad_line_in_a_hundred_is_let_through_and_two_are_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "hi.tsv"
    good = [f"अंक\tan{a}{b}\t1" for a in "abcdefghij" for b in "abcdefghij"]
    path.write_text("\n".join([*good[:99], "bad"]))
    pairs, report = sources.read_dakshina(path, "hi")
    assert (len(pairs), report.bad) == (99, 1)
    path.write_text("\n".join([*good[:98], "bad", "bad"]))
    with pytest.raises(ValueError, match="2 of 100 lines are bad"):
        sources.read_dakshina(path, "hi")


READERS: list[Callable[[Path], tuple[list, RowReport]]] = [
    lambda path: sources.read_dakshina(path, "hi", max_bad_share=1.0),
    lambda path: sources.read_aksharantar(path, "hi", max_bad_share=1.0),
    lambda path: sources.read_pairs_tsv(path, "hi", "en", max_bad_share=1.0),
]


def test_the_side_at_fault_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "hi.tsv"
    path.write_text("अंक\tанк\t1\nঅঙ্ক\tank\t1\n")
    _, report = sources.read_dakshina(path, "hi", max_bad_share=1.0)
    assert [first.rpartition(": ")[2] for first in report.firsts] == ["'анк'", "'অঙ্ক'"]


@pytest.mark.parametrize(
    "read",
    [
        lambda path, share: sources.read_dakshina(path, "hi", max_bad_share=share),
        lambda path, share: sources.read_aksharantar(path, "hi", max_bad_share=share),
        lambda path, share: sources.read_pairs_tsv(
            path, "hi", "en", max_bad_share=share
        ),
        lambda path, share: sources.read_parallel(path, max_bad_share=share),
    ],
)
def test_every_reader_stops_at_too_many_bad_lines_unless_told_otherwise(
    tmp_path: Path, read: Callable[[Path, float], tuple[list, RowReport]]
) -> None:
    path = tmp_path / "hi.tsv"
    path.write_text(HEADER + "one cell\n" * 9)
    assert read(path, 1.0)[0] == []
    with pytest.raises(
        ValueError, match=r"lines are bad, more than the 50\.0% allowed"
    ):
        read(path, 0.5)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_accounts_for_every_line(
    tmp_path: Path, reader: Callable[[Path], tuple[list, RowReport]]
) -> None:
    rows, report = reader(write_hostile(tmp_path / "hi.tsv"))
    assert_adds_up(report, len(HOSTILE))
    assert len(rows) == report.kept


def test_words_that_differ_only_in_unicode_form_are_one_word(tmp_path: Path) -> None:
    path = tmp_path / "hi.tsv"
    path.write_text("\u0958लम\tqalam\t1\n\u0915\u093cल\u200dम\tQalam\t1\n")
    pairs, report = sources.read_dakshina(path, "hi")
    assert [(p.native, p.latin) for p in pairs] == [("\u0915\u093cलम", "qalam")]
    assert report.dropped == {"duplicate": 1}


def test_an_empty_file_yields_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hi.tsv"
    path.write_bytes(b"")
    pairs, report = sources.read_dakshina(path, "hi")
    assert (pairs, report.read) == ([], 0)


AKSHARANTAR: list[dict[str, str | None]] = [
    {"native word": "தமிழ்", "english word": "Tamil", "source": "AK-Freq"},
    {"native word": "கல்", "english word": "kal", "source": "Dakshina"},
    {"native word": "கல்", "english word": "kall", "source": None},
]


def test_aksharantar_json_and_columns_give_the_same_pairs(tmp_path: Path) -> None:
    lines, table = tmp_path / "tam_test.json", tmp_path / "ta.tsv"
    extra: dict[str, object] = {"unique_identifier": "tam1", "score": -0.1}
    lines.write_text("\n".join(json.dumps({**extra, **row}) for row in AKSHARANTAR))
    table.write_text("தமிழ்\ttamil\tAK-Freq\nகல்\tkal\tDakshina\nகல்\tkall\taksharantar\n")
    from_json, _ = sources.read_aksharantar(lines, "ta")
    from_table, _ = sources.read_aksharantar(table, "ta")
    assert from_json == [
        WordPair("தமிழ்", "tamil", 1, "AK-Freq", f"{lines}:1"),
        WordPair("கல்", "kal", 1, "Dakshina", f"{lines}:2"),
        WordPair("கல்", "kall", 1, "aksharantar", f"{lines}:3"),
    ]
    assert [(p.native, p.latin, p.origin) for p in from_table] == [
        (p.native, p.latin, p.origin) for p in from_json
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "null",
        "3",
        '{"native word": "கல்"}',
        '{"native word": 1, "english word": "a"}',
        "[" * 100_000,
    ],
)
def test_a_json_line_of_another_shape_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "tam_test.json"
    path.write_text(json.dumps(AKSHARANTAR[0]) + "\n" + line + "\n")
    pairs, report = sources.read_aksharantar(path, "ta", max_bad_share=0.5)
    assert report.causes == {"not an Aksharantar object": 1}
    assert report.firsts[0].startswith(f"{path}:2: not an Aksharantar object")
    assert len(pairs) == 1


def test_pair_columns_become_examples_of_one_direction(tmp_path: Path) -> None:
    path = tmp_path / "names.tsv"
    path.write_text("दिल्ली\tdelhi\nदिल्ली\tdilli\n")
    examples, _ = sources.read_pairs_tsv(path, "hi", "en")
    assert [(e.example_id, e.source, e.targets, e.origin) for e in examples] == [
        ("hi>en:दिल्ली", "दिल्ली", ("delhi",), "names"),
        ("hi>en:दिल्ली", "दिल्ली", ("dilli",), "names"),
    ]


def test_parallel_names_carry_references_pivot_and_origin(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(
        HEADER + "hi\tkn\tजुरिख\tಜ್ಯೂರಿಚ್|ಜ್ಯೂರಿಕ್\tZürich\tcldr\n"
        "en\thi\tzurich\tजुरिख\tzurich\tcldr\n"
    )
    (through, direct), report = sources.read_parallel(path)
    assert through.example_id == "hi>kn:जुरिख"
    assert through.targets == ("ಜ್ಯೂರಿಚ್", "ಜ್ಯೂರಿಕ್")
    assert (through.pivot, through.origin) == ("zurich", "cldr")
    assert (direct.example_id, direct.pivot) == ("en>hi:zurich", "")
    assert_adds_up(report, 3)
    assert report.dropped == {"header": 1}


def test_parallel_rows_that_ask_the_same_accept_the_answers_of_all(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(
        HEADER + "hi\ten\tअहमदाबाद\tahmadabad\tahmadabad\ta\n"
        "hi\ten\tअहमदाबाद\tahmedabad|ahmadabad\tahmedabad\tb\n"
        "hi\tbn\tअहमदाबाद\tআহমাদাবাদ\tahmadabad\ta\n"
        "hi\tbn\tअहमदाबाद\tআহমেদাবাদ\tahmedabad\ta\n"
    )
    examples, report = sources.read_parallel(path)
    assert [(e.targets, e.pivot) for e in examples] == [
        (("ahmadabad", "ahmedabad"), ""),
        (("আহমাদাবাদ", "আহমেদাবাদ"), "ahmadabad"),
    ]
    assert report.dropped == {"header": 1, "merged": 2}
    assert_adds_up(report, 5)


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("hi\tte\tजुरिख\tజ్యూరిచ్\tzurich\tx", "unknown language"),
        ("hi\tkn\tಜ್ಯೂರಿಚ್\tಜ್ಯೂರಿಚ್\tzurich\tx", "wrong script"),
        ("hi\tkn\tजुरिख\tಜ್ಯೂರಿಚ್|\tzurich\tx", "empty"),
        ("hi\tkn\tजुरिख\tಜ್ಯೂರಿಚ್\t\tx", "key: empty"),
        ("hi\tkn\tजुरिख\tಜ್ಯೂರಿಚ್\tzurich", "not 6 columns"),
    ],
)
def test_a_bad_parallel_row_is_refused(tmp_path: Path, row: str, cause: str) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(HEADER + row + "\n")
    examples, report = sources.read_parallel(path, max_bad_share=1.0)
    assert examples == []
    assert report.causes == {cause: 1}
    assert report.firsts[0].startswith(f"{path}:2: {cause}")


def test_parallel_columns_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(
        "source\tnote\tkey\trefs\tsrc\ttgt_lang\tsrc_lang\n"
        "x\t-\tzurich\tजुरिख\tzurich\thi\ten\n"
    )
    (example,), _ = sources.read_parallel(path)
    assert (example.source, example.targets) == ("zurich", ("जुरिख",))


@pytest.mark.parametrize("content", ["", "src_lang\ttgt_lang\n"])
def test_a_missing_header_column_stops_the_reading(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"pairs\.tsv:1: the header lacks .*refs"):
        sources.read_parallel(path)
