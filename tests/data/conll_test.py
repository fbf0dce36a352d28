"""Tagged sentences are read as they stand, and what is bad is told with its line."""

from __future__ import annotations

import gzip

import pytest

from epik_jax.data.conll import read_conll

GOOD = "Ada\tB-PER\nLovelace\tI-PER\nslept\tO\n\nIn\tO\nPune\tB-LOC\n"


def written(folder, text, name="en.train.conll"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder, text, **kwargs):
    return read_conll(written(folder, text), "en", **kwargs)


def bad_line(folder, text):
    """The report of a file whose only fault is small enough to go on with."""
    return read(folder, text + "\n" + GOOD * 200)[1]


def test_words_and_tags_stand_as_they_are_written(tmp_path):
    [first, second], report = read(tmp_path, GOOD)
    assert first.words == ("Ada", "Lovelace", "slept")
    assert first.tags == ("B-PER", "I-PER", "O")
    assert (second.words, second.tags) == (("In", "Pune"), ("O", "B-LOC"))
    assert (first.lang, first.origin) == ("en", "en.train")
    assert (report.read, report.kept, report.bad) == (6, 5, 0)


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "\n\n\n",
        "\n\n" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\t", " "),
        "-DOCSTART- -X- O O\n\n" + GOOD,
        GOOD.replace("\t", " NNP I-NP "),
        GOOD.replace("\t", " ").replace("\n", " \n").replace(" \n \n", "\n\n"),
        GOOD.replace("\n", "\t\n").replace("\n\t\n", "\n\n"),
        "\n".join(f"en:{line}" if line else "" for line in GOOD.split("\n")),
        b"\xef\xbb\xbf" + GOOD.encode(),
    ],
    ids=[
        "blank",
        "before",
        "crlf",
        "spaces",
        "documents",
        "columns",
        "trailing space",
        "trailing tab",
        "prefixes",
        "mark",
    ],
)
def test_layouts_that_people_have_read_alike(tmp_path, text):
    plain, _ = read(tmp_path, GOOD)
    found, report = read(tmp_path, text)
    assert found == plain
    assert report.read == report.kept + sum(report.dropped.values())


def test_a_packed_file_reads_like_a_plain_one(tmp_path):
    packed = written(tmp_path, gzip.compress(GOOD.encode()), "en.train.conll.gz")
    assert read_conll(packed, "en")[0] == read(tmp_path, GOOD)[0]


def test_a_word_may_hold_a_space_where_columns_are_tabs(tmp_path):
    [sentence], _ = read(tmp_path, "New\u00a0York City\tB-LOC\n")
    assert sentence.words == ("New\u00a0York City",)


def test_words_are_composed(tmp_path):
    [sentence], _ = read(tmp_path, "Cafe\u0301\tO\n")
    assert sentence.words == ("Caf\u00e9",)


def test_other_types_become_outside_words(tmp_path):
    text = "Cup\tB-MISC\nFinal\tI-MISC\nRome\tB-LOC\n"
    [sentence], _ = read(tmp_path, text)
    assert sentence.tags == ("O", "O", "B-LOC")
    [sentence], _ = read(tmp_path, text, types=("MISC",))
    assert sentence.tags == ("B-MISC", "I-MISC", "O")


def test_words_of_other_types_are_counted_in_the_account(tmp_path):
    text = GOOD + "\nCup\tB-MISC\nFinal\tI-MISC\nRome\tB-LOC\n"
    _, report = read(tmp_path, text)
    assert report.altered == {"tag of another type": 2}
    assert report.kept == 8 and "8 kept (2 tag of another type)" in str(report)
    _, report = read(tmp_path, text, types=("LOC", "PER", "MISC"))
    assert report.altered == {} and "8 kept, " in str(report)


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ("Pune", "no tag"),
        ("Pune\tX-LOC", "no IOB2 tag"),
        ("Pune\tB-", "no IOB2 tag"),
        ("Pune\t", "no tag"),
        ("\tB-LOC", "no word"),
        ("Pune\tI-LOC", "I- begins an entity, which B- does in IOB2"),
        ("Ada\tB-PER\nPune\tI-LOC", "I- begins an entity, which B- does in IOB2"),
    ],
)
def test_a_bad_line_is_told_and_takes_its_sentence_along(tmp_path, lines, cause):
    report = bad_line(tmp_path, f"Hello\tO\n{lines}\nbye\tI-LOC\n")
    assert report.causes == {cause: 1}
    at = 2 + lines.count("\n")
    assert report.firsts[0].startswith(f"{report.path}:{at}: {cause}")
    assert report.dropped["beside a bad line"] == 1 + at - 1
    assert report.read == report.kept + report.bad + sum(report.dropped.values())


@pytest.mark.parametrize(
    "lines", [b"Rome\xff\tB-LOC\nstayed\tO\n", b"stayed\tO\nRome\xff\tB-LOC\n"]
)
@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_line_that_is_no_text_takes_its_sentence_along(tmp_path, lines, ending):
    found, report = read(tmp_path, GOOD.encode() * 200 + b"\n" + lines + ending)
    assert all("stayed" not in sentence.words for sentence in found)
    assert report.causes == {"bad UTF-8": 1}
    assert report.dropped["beside a bad line"] == 1
    assert report.read == report.kept + report.bad + sum(report.dropped.values())


def test_a_file_with_prefixes_has_them_throughout(tmp_path):
    prefixed = "\n".join(f"en:{x}" if x else "" for x in (GOOD * 99).split("\n"))
    report = read(tmp_path, prefixed + "\nPune\tB-LOC\n")[1]
    assert report.causes == {"no 'en:' before the word": 1}
    # A word with a colon is no prefix where the file does not begin with one.
    [sentence], _ = read(tmp_path, "See\tO\nen:Pune\tB-LOC\n")
    assert sentence.words == ("See", "en:Pune")


@pytest.mark.parametrize("lang", ["en", "kok", "zh-min-nan"])
def test_without_a_language_a_prefix_is_taken_off_all_the_same(tmp_path, lang):
    prefixed = "\n".join(f"{lang}:{x}" if x else "" for x in GOOD.split("\n"))
    found, report = read_conll(written(tmp_path, prefixed), "")
    assert [s.words for s in found] == [s.words for s in read(tmp_path, GOOD)[0]]
    assert report.bad == 0 and {s.lang for s in found} == {""}


@pytest.mark.parametrize("lang", ["", "en"])
@pytest.mark.parametrize("word", [":", ":-)", "a:b", "http://x", "de:", "En:x"])
def test_a_first_word_with_a_colon_is_no_prefix_of_the_others(tmp_path, word, lang):
    found, report = read_conll(written(tmp_path, f"{word}\tO\n{GOOD}"), lang)
    assert found[0].words == (word, "Ada", "Lovelace", "slept") and report.bad == 0


@pytest.mark.parametrize("more", ["", "\nde:.\tO\n", "\nOslo\tB-LOC\n"])
def test_words_that_begin_with_another_language_are_refused_and_named(tmp_path, more):
    german = "\n".join(f"de:{x}" if x else "" for x in GOOD.split("\n"))
    told = r"en\.train\.conll: words begin with 'de:', .* said to be 'en'"
    with pytest.raises(ValueError, match=told):
        read(tmp_path, german + more)


@pytest.mark.parametrize("lang", ["", "en"])
def test_a_prefix_is_found_where_the_first_word_is_a_sign(tmp_path, lang):
    prefixed = "".join(f"en:{x}\n" if x else "\n" for x in GOOD.split("\n")[:-1])
    path = written(tmp_path, "en:''\tO\n\n" + prefixed)
    [sign, *found], report = read_conll(path, lang)
    assert sign.words == ("''",) and report.bad == 0
    assert [s.words for s in found] == [s.words for s in read(tmp_path, GOOD)[0]]


def test_too_many_bad_lines_stop_with_the_first_of_them(tmp_path):
    with pytest.raises(ValueError, match=r"en\.train\.conll:1: no tag"):
        read(tmp_path, "Pune\n\n" + GOOD)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_file_without_a_sentence_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match="no tagged sentence"):
        read(tmp_path, text)


def test_equal_sentences_have_unequal_ids_and_others_keep_theirs(tmp_path):
    first, _ = read(tmp_path, GOOD)
    twice, _ = read(tmp_path, "Rome\tB-LOC\n\n" + GOOD + "\n" + GOOD)
    ids = [sentence.example_id for sentence in twice]
    assert len(set(ids)) == 5
    assert ids[1:3] == [sentence.example_id for sentence in first]
