"""Tiny BERTs as the libraries torch and transformers write them, and what they answer.

`python tests/toy_bert.py` writes one that tags words and one that tells pairs of texts
apart anew, below tests/interop, drawn from a seed; reading them needs neither library.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import safetensors.numpy

Arrays: TypeAlias = dict[str, np.ndarray]

FOLDER = Path(__file__).parent / "interop" / "bert"
ANSWERS, CUTS = "answers.npz", "cuts.json"
PAIR_FOLDER = Path(__file__).parent / "interop" / "pair_bert"

# In an order that is not the recipe's.
LABELS = ("B-LOC", "I-LOC", "O", "B-PER", "I-PER", "I-ORG", "B-ORG")

PAIR_LABELS = ("neutral", "contradiction", "entailment")
PAIRS = (
    ("the cat play", "The cat played ?"),
    ("replayed", "the the the cat , cat and 1984 - cat"),
    ("a", "b"),
)

SPECIALS = ("[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SCRIPTS = (
    "the The cat play ##ing ##ed re ##play ? ! . , - ( ) ' ’ “ ” … 19 ##84",
    "# ## $ € ₹ @ a b c d e ##b ##c ##s ##e A É é e\u0301 ##é",
    "caf Caf cafe naïve naive straße Zür ##ich zur",
    "मु ##ंब ##ई मुंबई में कम क ##म ##ा ##ि ##क ##ल ##् हि ##न ##द ##ी नदी । नी ##ली",
    "சென் ##னை சென்னை தமிழ் த ##மி ##ழ் ##ம ##ி ##ழ ##் நாடு நா ##டு ##நாடு",
    "М ##осква Москва москва ё ##ж ёж е и ##\u0306 ##\u0308",
    "Ки ##їв київ Київ ##\u0456 ##в",
    "東 京 都 北 国 ##国 ア ##イ 東京",
)
SENTENCES = (
    ("The", "cat", "re-played", "(", "1984", ")", "!"),
    ("playing", "replayed", "the", "THE", "café", "caté"),
    ("Zürich", "Café", "cafe\u0301", "naïve", "straße", "É", "e\u0301s"),
    ("“the", "cat’s”", "play…", "$19", "₹84", "€", "#", "##", "a@b", "[a]"),
    ("मुंबई", "में", "कमल", "नदी", "हिन्दी", "नीली।", "क\u200dम"),
    ("சென்னை", "தமிழ்", "நாடு", "தமிழ்நாடு"),
    ("Москва", "Ки\u0456\u0308в", "и\u0306", "ёж", "Ёж", "е\u0308ж", "КИЇВ"),
    ("東京都", "北国アイ", "the東京", "国"),
    ("x" * 101, "a" * 3, "ab\u00adc", "a\tb", "a\u00a0b", "\ufffda", "unseen"),
)


def copied(into: Path, folder: Path = FOLDER) -> Path:
    """A copy of a model that lies here, to be changed."""
    return Path(shutil.copytree(folder, into / "bert"))


def set_fields(path: Path, **changes: Any) -> None:
    """Changes a JSON file; None takes a field away."""
    record = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({k: v for k, v in record.items() if v is not None}))


def set_arrays(folder: Path, change: Callable[[Arrays], Arrays]) -> None:
    """Rewrites the parameters as what `change` makes of them."""
    path = folder / "model.safetensors"
    found = change(safetensors.numpy.load_file(path))
    found = {name: np.ascontiguousarray(array) for name, array in found.items()}
    safetensors.numpy.save_file(found, path)


def write_model(
    folder: Path,
    *,
    lowercase: bool = False,
    head: str = "TokenClassification",
    labels: tuple[str, ...] = LABELS,
    **changes: Any,
) -> None:
    """Writes a BERT with drawn parameters and its tokenizer.

    Every parameter is off its usual first value: one that is left out, or used twice,
    would not show otherwise.

    Args:
      folder: where; made.
      lowercase: whether the tokenizer throws case and accents away.
      head: what it is for, as the library calls it.
      labels: of the head.
      changes: of the configuration.
    """
    import torch
    import transformers

    folder.mkdir(parents=True)
    pieces = list(dict.fromkeys((*SPECIALS, *" ".join(SCRIPTS).split())))
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("".join(f"{p}\n" for p in pieces), encoding="utf-8")
    sizes = {
        "vocab_size": len(pieces),
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 40,
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }
    config = transformers.BertConfig(**{**sizes, **changes})
    model = getattr(transformers, f"BertFor{head}")(config)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        drawn = torch.randn(parameter.shape, generator=generator)
        middle = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        parameter.data = middle + 0.2 * drawn
    model.save_pretrained(folder)
    tokenizer = transformers.BertTokenizerFast.from_pretrained(
        folder, do_lower_case=lowercase
    )
    tokenizer.save_pretrained(folder)


def model_answers(folder: Path) -> dict[str, np.ndarray]:
    """What the library makes of a few rows of unequal length.

    Returns:
      ids int32 [B, L], mask bool [B, L], hidden float32 [N+1, B, L, D], embeddings
      first, and logits float32 [B, L, C].
    """
    import torch
    import transformers

    model = transformers.BertForTokenClassification.from_pretrained(folder).eval()
    rng = np.random.default_rng(0)
    lengths = np.array([[13], [40], [1]])
    mask = np.arange(40) < lengths
    ids = np.where(mask, rng.integers(0, model.config.vocab_size, mask.shape), 0)
    with torch.no_grad():
        output = model(
            torch.tensor(ids),
            attention_mask=torch.tensor(mask.astype(np.int64)),
            output_hidden_states=True,
        )
    return {
        "ids": ids.astype(np.int32),
        "mask": mask,
        "hidden": np.stack([state.numpy() for state in output.hidden_states]),
        "logits": output.logits.numpy(),
    }


def pair_answers(folder: Path) -> dict[str, np.ndarray]:
    """What the library makes of `PAIRS`: ids, mask, types [B, L], and logits [B, C]."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    kind = transformers.BertForSequenceClassification
    model = kind.from_pretrained(folder).eval()
    shown = tokenizer(*map(list, zip(*PAIRS, strict=True)), padding=True)
    with torch.no_grad():
        output = model(**{name: torch.tensor(rows) for name, rows in shown.items()})
    return {
        "ids": np.array(shown["input_ids"], np.int32),
        "mask": np.array(shown["attention_mask"], bool),
        "types": np.array(shown["token_type_ids"], np.int32),
        "logits": output.logits.numpy(),
    }


def cuts(folder: Path) -> list[dict[str, Any]]:
    """Sentences: their words, the library's framed ids, and pieces of each word."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found = []
    for words in SENTENCES:
        encoding = tokenizer(list(words), is_split_into_words=True)
        owners = encoding.word_ids()
        counts = [owners.count(i) for i in range(len(words))]
        found.append({"words": words, "ids": encoding["input_ids"], "counts": counts})
    return found


def write_fixture(folder: Path) -> None:
    """Writes the model that ships with the tests, and its answers."""
    import transformers

    shutil.rmtree(folder, ignore_errors=True)
    lowered, other = folder / "lowered", folder / "other"
    write_model(folder)
    write_model(lowered, lowercase=True)
    write_model(other, hidden_act="gelu_new")
    answers = model_answers(folder)
    answers["logits_gelu_new"] = model_answers(other)["logits"]
    np.savez_compressed(folder / ANSWERS, **answers)
    record = {"cased": cuts(folder), "lowercase": cuts(lowered)}
    text = json.dumps(record, ensure_ascii=False, indent=1)
    (folder / CUTS).write_text(text + "\n", encoding="utf-8")
    shutil.rmtree(lowered)
    shutil.rmtree(other)
    print(f"{folder}: written by transformers {transformers.__version__}")


def write_pair_fixture(folder: Path) -> None:
    """Writes the model of pairs that ships with the tests, and its answers."""
    shutil.rmtree(folder, ignore_errors=True)
    write_model(folder, head="SequenceClassification", labels=PAIR_LABELS)
    np.savez_compressed(folder / ANSWERS, **pair_answers(folder))


if __name__ == "__main__":
    write_fixture(FOLDER)
    write_pair_fixture(PAIR_FOLDER)
