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

    Newer folders have no vocab.txt: their pieces are in tokenizer.json alone.

    Raises:
      FileNotFoundError: a file is not there.
      ValueError: nothing says whether case is kept, or words are cut in another way
        than BERT's; names the file.
    """
    if not (folder / TOKENIZER).is_file():
        raise FileNotFoundError(f"{folder}: there is no {TOKENIZER} in it")
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
    if (folder / PIECES).is_file():
        path, pieces = folder / PIECES, _lines(folder / PIECES)
    elif (folder / WHOLE).is_file():
        path, pieces = folder / WHOLE, _whole(folder / WHOLE, lowercase)
    else:
        raise FileNotFoundError(f"{folder}: there is no {PIECES} or {WHOLE} in it")
    try:
        return WordPieces(pieces, lowercase=lowercase)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


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
    # Only at line feeds: there are pieces that are line separators.
    lines = path.read_text(encoding="utf-8").split("\n")
    return lines if lines[-1] else lines[:-1]


def _whole(path: Path, lowercase: bool) -> list[str]:
    """Pieces of a tokenizer that is stored with all of its settings."""
    record = read_object(path)
    model, cleaning, cutting = (
        record.get(part) or {} for part in ("model", "normalizer", "pre_tokenizer")
    )
    kinds = tuple(part.get("type") for part in (model, cleaning, cutting))
    usual = ("WordPiece", "BertNormalizer", "BertPreTokenizer")
    if kinds != usual:
        raise ValueError(f"{path}: its parts are {kinds}, BERT's are {usual}")
    if cleaning.get("lowercase") != lowercase:
        raise ValueError(
            f"{path}: lowercase is {cleaning.get('lowercase')}, and do_lower_case in "
            f"{TOKENIZER} is {lowercase}"
        )
    cuts = {
        "strip_accents": cleaning.get("strip_accents"),
        "handle_chinese_chars": cleaning.get("handle_chinese_chars"),
    }
    _demand_usual(cuts, lowercase, path)
    ids = model["vocab"]
    if sorted(ids.values()) != list(range(len(ids))):
        raise ValueError(f"{path}: its pieces are not numbered from 0 on")
    return sorted(ids, key=ids.__getitem__)


def _demand_usual(cuts: dict[str, Any], lowercase: bool, path: Path) -> None:
    """Refuses what cleans words in another way: accents, then Chinese characters."""
    usual: tuple[tuple[bool | None, ...], ...] = ((None, lowercase), (True,))
    for (name, value), allowed in zip(cuts.items(), usual, strict=True):
        if value not in allowed:
            raise ValueError(
                f"{path}: {name} is {value}, which is not how words are cut here with "
                f"do_lower_case {lowercase}"
            )
