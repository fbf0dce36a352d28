"""Words are found and replaced; everything between them stays as it was."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.recipes.transliteration import phrase
from epik_jax.structs import Example, Hypothesis
from epik_jax.text.scripts import SCRIPTS

ALPHABET = "कि्षःতி஫ஷ್ಕabÉ'’-1२ ,.।\t\u200d\u0301Ωతé"


class Loud:
    """Answers every word with itself between brackets, and remembers the questions."""

    def __init__(self) -> None:
        self.calls: list[list[Example]] = []

    def __call__(self, examples: Sequence[Example]) -> list[tuple[Hypothesis, ...]]:
        self.calls.append(list(examples))
        return [(Hypothesis(f"<{e.source}>", -1.0),) for e in examples]


def written(
    line: str, target: str = "kn", source: str | None = None, max_length: int = 20
) -> str:
    writer = phrase.Writer(target, Loud(), max_length, source)
    (answer,) = writer.write([line])
    assert answer.text == line
    return answer.output


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("नमस्ते, दुनिया 123।", "<नमस्ते>, <दुनिया> 123।"),
        ("don't 'quote' it’s", "<don't> '<quote>' <it's>"),
        ("iPhoneपर x", "<iphone><पर> <x>"),
        ("kṛṣṇa Café", "<krsna> <cafe>"),
        ("क्\u200dष", "<क्ष>"),
        ("নদী-तट ২০২৪", "<নদী>-<तट> ২০২৪"),
        ("  \t", "  \t"),
        ("", ""),
        ("తెలుగు मन", "తెలుగు <मन>"),
        ("ಕನ್ನಡ मन", "ಕನ್ನಡ <मन>"),
    ],
)
def test_words_are_replaced_and_the_rest_is_kept(line: str, output: str) -> None:
    assert written(line) == output


@given(st.text(alphabet=ALPHABET, max_size=30))
@settings(max_examples=200, deadline=None)
def test_what_is_no_word_survives_in_order(line: str) -> None:
    words = phrase.find_words(line)
    ends = [0, *itertools.chain.from_iterable((w.start, w.end) for w in words)]
    assert ends == sorted(ends)
    outside = "".join(
        line[a:b] for a, b in zip(ends[::2], [*ends[1::2], len(line)], strict=True)
    )
    assert not any(c in SCRIPTS["hi"].letters for c in outside)
    # Words that no language is asked for stay, so the line does: nothing is lost.
    silent = phrase.Writer("kn", lambda asked: [() for _ in asked], 20)
    assert next(silent.write([line])).output == line


def test_only_the_source_language_is_written_where_one_is_given() -> None:
    assert written("मन mind মন", source="bn") == "मन mind <মন>"


def test_a_word_is_asked_once_however_often_it_stands() -> None:
    loud = Loud()
    lines = ["मन mind", "मन\u200d Mind mind"] * 3
    assert len(list(phrase.Writer("kn", loud, 20).write(lines))) == 6
    assert [[e.source for e in call] for call in loud.calls] == [["मन", "mind"]]


def test_chunks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"मन {i} mind" for i in range(7)]
    whole = list(phrase.Writer("kn", Loud(), 20).write(lines))
    monkeypatch.setattr(phrase, "CHUNK", 3)
    loud = Loud()
    assert list(phrase.Writer("kn", loud, 20).write(lines)) == whole
    assert len(loud.calls) == 3


def test_a_word_too_long_stays_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    long_word = "मनमनमनमनमन"
    with caplog.at_level(logging.WARNING):
        assert written(f"{long_word} मन", max_length=9) == f"{long_word} <मन>"
    assert long_word in caplog.text and "9 at most" in caplog.text


def test_a_line_as_json_has_its_candidates() -> None:
    (line,) = phrase.Writer("kn", Loud(), 20).write(["मन 1"])
    assert line.to_json() == {
        "text": "मन 1",
        "output": "<मन> 1",
        "words": (
            {
                "source": "मन",
                "source_lang": "hi",
                "candidates": ({"text": "<मन>", "log_prob": -1.0},),
            },
        ),
    }


@pytest.mark.parametrize("langs", [("xx", None), ("kn", "xx")])
def test_an_unknown_language_is_refused(langs: tuple[str, str | None]) -> None:
    with pytest.raises(ValueError, match="unknown language 'xx'; use one of en, hi"):
        phrase.Writer(langs[0], Loud(), 20, langs[1])
