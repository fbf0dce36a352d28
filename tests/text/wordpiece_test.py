"""Pieces are BERT's, the same in every run, and every word has one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.text import wordpiece
from epik_jax.text.wordpiece import (
    SPECIALS,
    WordPieces,
    load_wordpieces,
    train_wordpieces,
)

TEXT = [["the", "cat", "sat", "."], ["Cats", "sit", "thusly", ";"], ["मुंबई", "में"]]
PIECES = WordPieces([*SPECIALS, "un", "##aff", "##able", "##a", "able", ",", "कम"])


def cut(pieces, *words):
    ids, counts = pieces.encode([words])
    return [pieces.pieces[i] for i in ids.values], counts.values.tolist()


def by_hand(word):
    """Greedy longest match, as the paper has it, on a word without punctuation."""
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in PIECES.pieces:
                break
        else:
            return ["[UNK]"]
        found.append(piece)
        start = end
    return found


@given(st.text(alphabet="unabelf", min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_the_longest_piece_that_fits_is_taken(word):
    assert cut(PIECES, word)[0] == by_hand(word)


def test_every_word_has_a_piece_and_sentences_keep_their_rows():
    ids, counts = PIECES.encode([["unable", ",", "\u200b"], [], ["unaffable"]])
    assert counts.values.tolist() == [2, 1, 1, 3]
    assert counts.offsets.tolist() == [0, 3, 3, 4]
    assert ids.offsets.tolist() == [0, 4, 4, 7]
    assert ids.values[3] == PIECES.unk_id


def test_punctuation_is_cut_off_and_case_is_kept():
    assert cut(PIECES, "un,able") == (["un", ",", "able"], [3])
    assert cut(PIECES, "Un")[0] == ["[UNK]"]
    lower = WordPieces(PIECES.pieces, lowercase=True)
    assert cut(lower, "Ún")[0] == ["un"]


def test_pieces_learnt_again_in_another_process_are_the_same():
    source = (
        "from epik_jax.text.wordpiece import train_wordpieces;"
        f"print(train_wordpieces({TEXT!r}, 64).fingerprint)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", source], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(3)
    ]
    assert runs == [train_wordpieces(TEXT, 64).fingerprint] * 3


def test_pieces_that_were_learnt_cut_their_own_text_without_unknowns():
    learnt = train_wordpieces(TEXT, 64)
    assert learnt.size <= 64 and learnt.pieces[:4] == SPECIALS
    ids, counts = learnt.encode(TEXT)
    assert learnt.unk_id not in ids.values
    joined = "".join(learnt.pieces[i].removeprefix("##") for i in ids.values)
    assert joined == "".join(word for words in TEXT for word in words)
    assert counts.values.min() >= 1


def test_a_size_below_the_letters_is_refused_with_the_least_that_does():
    with pytest.raises(ValueError, match=r"give (\d+) at least") as told:
        train_wordpieces(TEXT, 9)
    least = int(str(told.value).split("give ")[1].split()[0])
    assert train_wordpieces(TEXT, least).size == least


def test_pruning_changes_no_word_whose_pieces_are_kept():
    learnt = train_wordpieces(TEXT, 64)
    ids, _ = learnt.encode(TEXT[:2])
    fewer = learnt.pruned(ids.values)
    again, _ = fewer.encode(TEXT[:2])
    assert [fewer.pieces[i] for i in again.values] == [
        learnt.pieces[i] for i in ids.values
    ]
    assert fewer.size == len({*ids.values.tolist(), 0, 1, 2, 3}) < learnt.size
    assert cut(fewer, "मुंबई")[0] == ["[UNK]"]


def test_what_was_saved_is_read_back(tmp_path):
    pieces = WordPieces(PIECES.pieces, lowercase=True)
    pieces.save(tmp_path / "pieces")
    again = load_wordpieces(tmp_path / "pieces")
    assert again.fingerprint == pieces.fingerprint != PIECES.fingerprint
    np.testing.assert_array_equal(
        again.encode([["Unable"]])[0].values, pieces.encode([["Unable"]])[0].values
    )


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "characters"}'])
def test_another_file_is_refused_by_its_name(tmp_path, content):
    (tmp_path / "pieces").write_text(content)
    with pytest.raises(ValueError, match=f"{tmp_path}/pieces holds no word pieces"):
        load_wordpieces(tmp_path / "pieces")


def test_pieces_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="'un' comes twice"):
        WordPieces([*SPECIALS, "un", "un"])
    with pytest.raises(ValueError, match=r"no \[SEP\]"):
        WordPieces(wordpiece.SPECIALS[:3])
