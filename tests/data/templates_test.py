"""The tagged corpus that ships: whole entities, the right script, no name twice."""

from __future__ import annotations

import hashlib

import pytest

from epik_jax.data.templates import TYPES, template_sentences
from epik_jax.text import scripts
from epik_jax.text.scripts import LANGUAGES


def entities(sentences):
    """Type -> all that is tagged so, whole."""
    found = {kind: set() for kind in TYPES}
    for sentence in sentences:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            if tag.startswith("B-"):
                whole = [word]
                found[tag[2:]].add(tuple(whole))
            elif tag.startswith("I-"):
                found[tag[2:]].discard(tuple(whole))
                whole.append(word)
                found[tag[2:]].add(tuple(whole))
    return found


def test_the_sentences_of_a_seed_are_the_same_everywhere():
    made = template_sentences("dev", count=20, seed=1)
    text = "\n".join(" ".join(s.words + s.tags) for s in made)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert digest == "68a93f145f438ab2"
    assert made[:20] == template_sentences("dev", count=20, seed=1, langs=("en",))
    assert made != template_sentences("dev", count=20, seed=2)


def test_every_language_has_every_type_and_sentences_without_any():
    for lang in LANGUAGES:
        made = template_sentences("train", count=200, seed=0, langs=(lang,))
        assert len(made) == len({s.example_id for s in made}) == 200
        assert all(len(found) > 20 for found in entities(made).values())
        assert any(set(s.tags) == {"O"} for s in made)


def test_tags_are_iob2_and_one_a_word():
    for sentence in template_sentences("test", count=100, seed=0):
        assert len(sentence.tags) == len(sentence.words)
        before = "O"
        for tag in sentence.tags:
            assert not tag.startswith("I-") or before[2:] == tag[2:]
            before = tag


@pytest.mark.parametrize("lang", [x for x in LANGUAGES if x != "en"])
def test_names_are_written_in_the_language_s_script(lang):
    letters = set(scripts.SCRIPTS[lang].letters) | set(scripts.SCRIPTS[lang].joiners)
    for sentence in template_sentences("train", count=200, seed=0, langs=(lang,)):
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            assert tag == "O" or set(word) <= letters | set("-"), (word, sentence)


def test_what_is_tested_was_never_seen_in_training():
    parts = {
        part: entities(template_sentences(part, count=400, seed=0))
        for part in ("train", "dev", "test")
    }
    for kind in ("LOC", "PER"):
        single = {
            part: {word for name in found[kind] for word in name}
            for part, found in parts.items()
        }
        assert not single["train"] & (single["dev"] | single["test"])
        assert not single["dev"] & single["test"]
