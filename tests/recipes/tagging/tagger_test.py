"""Running text keeps every character, and entities point at their own."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import toy_tagging
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.data.conll import read_conll
from epik_jax.evaluation.entities import entity_scores
from epik_jax.recipes.tagging import tagger
from epik_jax.recipes.tagging.tagger import tag_lines
from epik_jax.structs import Sentence

TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
LINES = [
    "Ada Lovelace slept, in Pune.",
    "",
    "  \t ",
    "𝒜da — पुणे में  रहती हैं।",
    "Cafe\u0301 “Rome”!",
    "कमल",
]


class Sayer:
    """Says tags one after the other, whatever the words are."""

    def __init__(self, tags):
        self.tags_left = itertools.cycle(tags)
        self.asked: list[Sentence] = []

    def tags(self, sentences):
        self.asked += sentences
        return [tuple(next(self.tags_left) for _ in s.words) for s in sentences]


def tagged(tags, lines=LINES):
    return list(tag_lines(Sayer(tags), lines))


@given(st.lists(TAGS, min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_entities_are_those_of_strict_iob2(tags):
    words = " ".join("a" for _ in tags)
    [line] = tagged(tags, [words])
    scores = entity_scores([tags], [line.tags])
    assert (scores.right == scores.there).all() and (
        scores.written == scores.there
    ).all()
    found = [(e.type, e.start // 2, (e.end + 1) // 2) for e in line.entities]
    by_type = dict.fromkeys(scores.types, 0)
    for kind, first, last in found:
        by_type[kind] += 1
        assert tags[first] == f"B-{kind}"
        assert set(tags[first + 1 : last]) <= {f"I-{kind}"}
        assert last == len(tags) or tags[last] != f"I-{kind}"
    assert list(by_type.values()) == scores.there[0].tolist()


def test_i_without_b_is_no_entity():
    [line] = tagged(["I-PER", "B-LOC", "I-PER", "I-PER"], ["a b c d"])
    assert [(e.type, e.text) for e in line.entities] == [("LOC", "b")]
    assert line.tags == ("O", "B-LOC", "O", "O")
    assert line.to_text() == "a [LOC b] c d"


@pytest.mark.parametrize("tags", [["B-PER", "I-PER", "O"], ["O"], ["B-LOC"]])
def test_entity_offsets_point_into_the_text(tags):
    for line in tagged(tags):
        for entity in line.entities:
            assert line.text[entity.start : entity.end] == entity.text
            assert entity.text == entity.text.strip()
        ends = [(e.start, e.end) for e in line.entities]
        assert ends == sorted(ends)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(ends))


def test_brackets_taken_out_the_text_is_as_it_was():
    for line, given_line in zip(tagged(["B-PER", "I-PER", "O"]), LINES, strict=True):
        plain = line.to_text().replace("[PER ", "").replace("]", "")
        assert plain == line.text
        assert line.text == given_line.replace("e\u0301", "é")
    first = tagged(["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"])[0]
    assert first.to_text() == "[PER Ada Lovelace] slept, in [LOC Pune]."


@pytest.mark.parametrize(
    "tags",
    [["B-PER", "I-PER", "O"], ["I-PER", "I-LOC", "O"], ["B-LOC", "I-PER"], ["O"]],
)
def test_conll_read_back_gives_the_same_words_and_tags(tmp_path, tags):
    lines = tagged(tags)
    path = tmp_path / "out.conll"
    path.write_text("".join(line.to_conll() + "\n" for line in lines), encoding="utf-8")
    sentences, report = read_conll(path, "en")
    kept = [line for line in lines if line.words]
    assert [(s.words, s.tags) for s in sentences] == [(x.words, x.tags) for x in kept]
    assert report.bad == 0


def test_json_holds_plain_values_whose_text_is_the_words():
    for line in tagged(["B-PER", "O"]):
        made = json.loads(json.dumps(line.to_json()))
        assert set(made) == {"text", "words", "tags", "entities"}
        assert len(made["words"]) == len(made["tags"])
        assert "".join(made["words"]) == "".join(made["text"].split())
        assert all(set(e) == {"type", "text", "start", "end"} for e in made["entities"])


def test_lines_without_a_word_are_asked_about_by_nobody():
    sayer = Sayer(["O"])
    list(tag_lines(sayer, LINES))
    assert len(sayer.asked) == 4 and all(s.words for s in sayer.asked)
    assert list(tag_lines(sayer, [])) == []


def test_many_lines_are_tagged_as_each_would_be_alone(monkeypatch):
    network = toy_tagging.network()
    alone = [line for text in LINES for line in tag_lines(network, [text])]
    monkeypatch.setattr(tagger, "CHUNK", 4)
    assert list(tag_lines(network, iter(LINES))) == alone
    assert np.any([set(line.tags) - {"O"} for line in alone])


def test_lines_are_answered_a_chunk_at_a_time(monkeypatch):
    monkeypatch.setattr(tagger, "CHUNK", 2)
    read = []

    def lines():
        for text in LINES:
            read.append(text)
            yield text

    assert next(tag_lines(Sayer(["O"]), lines())).text == LINES[0]
    assert len(read) == 2
