"""Pieces of a BERT folder as Hugging Face stores them, as word pieces of ours.

The tokenizer's files go in, `WordPieces` come out; a tokenizer that would cut words in
another way is refused. Parameters are no business of this file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from epik_jax.text.wordpiece import WordPieces

PIECES, WHOLE = "vocab.txt", "tokenizer.json"
TOKENIZER = "tokenizer_config.json"


def load_pieces(folder: Path) -> WordPieces:
    """Reads the pieces of a BERT folder, and whether they keep case.

    Newer folders have no vocab.txt: their pieces are in tokenizer.json alone. Older
    ones have vocab.txt alone, and case is kept where a piece has a capital letter.

    Raises:
      FileNotFoundError: neither file of pieces is there.
      ValueError: files contradict each other, or words are cut in another way than
        BERT's; names the file.
    """
    lowercase = _lowercase(folder)
    listed = _lines(folder / PIECES) if (folder / PIECES).is_file() else None
    if (folder / WHOLE).is_file():
        path, (pieces, lower) = folder / WHOLE, _whole(folder / WHOLE)
        if listed not in (None, pieces):
            raise ValueError(f"{folder}: {PIECES} and {WHOLE} hold other pieces")
        if lowercase not in (None, lower):
            raise ValueError(
                f"{path}: lowercase is {lower}, and do_lower_case in {TOKENIZER} is "
                f"{lowercase}"
            )
        lowercase = lower
    elif listed is not None:
        path, pieces = folder / PIECES, listed
        if lowercase is None:
            lowercase = not any(piece != piece.lower() for piece in _plain(pieces))
    else:
        raise FileNotFoundError(f"{folder}: there is no {PIECES} or {WHOLE} in it")
    try:
        return WordPieces(pieces, lowercase=lowercase)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _lowercase(folder: Path) -> bool | None:
    """What the tokenizer's settings say of case; None where there are none."""
    if not (folder / TOKENIZER).is_file():
        return None
    record = read_object(folder / TOKENIZER)
    lowercase = record.get("do_lower_case")
    if not isinstance(lowercase, bool):
        raise ValueError(
            f"{folder / TOKENIZER}: do_lower_case is {lowercase!r}; say true or false "
            "there"
        )
    cuts = {
        "strip_accents": record.get("strip_accents"),
        "tokenize_chinese_chars": record.get("tokenize_chinese_chars", True),
    }
    _demand_usual(cuts, lowercase, folder / TOKENIZER)
    return lowercase


def _plain(pieces: list[str]) -> list[str]:
    """Pieces that are no special ones, which are capitals in any case."""
    return [piece for piece in pieces if not piece.startswith("[")]


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it holds something else; names it.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path} is not an object")
    return record


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: {error}") from error
    # Only at line feeds: there are pieces that are line separators.
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def _whole(path: Path) -> tuple[list[str], bool]:
    """Pieces of a tokenizer that is stored with all its settings; if case is lost."""
    record = read_object(path)
    parts = [record.get(name) for name in ("model", "normalizer", "pre_tokenizer")]
    model, cleaning, cutting = (
        part if isinstance(part, dict) else {} for part in parts
    )
    kinds = tuple(part.get("type") for part in (model, cleaning, cutting))
    usual = ("WordPiece", "BertNormalizer", "BertPreTokenizer")
    if kinds != usual:
        raise ValueError(f"{path}: its parts are {kinds}, BERT's are {usual}")
    lowercase = cleaning.get("lowercase")
    if not isinstance(lowercase, bool):
        raise ValueError(f"{path}: lowercase is {lowercase!r}; say true or false there")
    cuts = {
        "strip_accents": cleaning.get("strip_accents"),
        "handle_chinese_chars": cleaning.get("handle_chinese_chars"),
    }
    _demand_usual(cuts, lowercase, path)
    ids = model.get("vocab")
    places = list(ids.values()) if isinstance(ids, dict) else []
    if set(map(type, places)) != {int} or sorted(places) != list(range(len(places))):
        raise ValueError(f"{path}: its pieces are not numbered from 0 on")
    assert isinstance(ids, dict)
    return sorted(ids, key=ids.__getitem__), lowercase


def _demand_usual(cuts: dict[str, Any], lowercase: bool, path: Path) -> None:
    """Refuses what cleans words in another way: accents, then Chinese characters."""
    usual: tuple[tuple[bool | None, ...], ...] = ((None, lowercase), (True,))
    for (name, value), allowed in zip(cuts.items(), usual, strict=True):
        if value not in allowed:
            raise ValueError(
                f"{path}: {name} is {value}, which is not how words are cut here with "
                f"do_lower_case {lowercase}"
            )
