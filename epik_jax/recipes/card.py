"""The card of a model folder: what the model is, and what it learned from.

A model and what was measured of it go in, Markdown comes out. Nothing is written here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from epik_jax import trees
from epik_jax.evaluation.glossary import ALL_METRICS
from epik_jax.interop.model_folder import AnyModel
from epik_jax.recipes.figures import as_text


@dataclasses.dataclass(frozen=True)
class _Use:
    """What a recipe's models are for.

    Attributes:
      task: as model hubs call it.
      purpose: a sentence.
      command: how it is tried; "LANG" is a language that it was trained on.
      figures: heading of what its figures are of, what is right, and what is drawn
        anew for their intervals.
    """

    task: str
    purpose: str
    command: str
    figures: tuple[str, str, str]


_OF_WORDS = ("Words", "Any accepted spelling is right", "words")
_OF_SENTENCES = ("Sentences", "An entity is right as a whole", "sentences")
_TRANSLITERATES = "epik-jax transliterate --checkpoint DIR --to LANG WORD"

_USES = {
    "matra": _Use(
        "text2text-generation",
        "Transliterates words between English and Hindi, Tamil, Kannada and Bengali, "
        "in both directions.",
        _TRANSLITERATES,
        _OF_WORDS,
    ),
    "epik": _Use(
        "text2text-generation",
        "Transliterates words between Hindi, Tamil, Kannada and Bengali in one pass, "
        "without writing English on the way.",
        _TRANSLITERATES,
        _OF_WORDS,
    ),
    "xtremedistil": _Use(
        "token-classification",
        "Tags names in sentences: the words of each entity, and of which type it is.",
        'epik-jax tag --checkpoint DIR "A SENTENCE"',
        _OF_SENTENCES,
    ),
}

_USES["tmkd"] = _Use(
    "text-classification",
    "Scores pairs of texts, such as a question and a passage: how likely each class "
    "of the pair is.",
    "epik-jax score --checkpoint DIR < PAIRS.tsv",
    ("Pairs", "The class of a pair is right or not", "questions"),
)

_CLASSIFIES = _Use(
    "text-classification",
    "Labels whole sentences.",
    'epik-jax tag --checkpoint DIR "A SENTENCE"',
    ("Sentences", "The label of a sentence is right or not", "sentences"),
)

_ORIGIN = {
    "teacher": "digest of its teacher",
    "start": "digest of the model that it began as",
    "seed": "seed",
}


def model_card(model: AnyModel, licences: str = "") -> str:
    """Markdown with the header that model hubs read.

    Args:
      model: what is described; `about` holds recipe, data, command and commit, and may
        hold digests as "teacher" and "start", a "seed", "languages", and "metrics":
        rows of "words" or "sentences", "n" and, by metric, "value", "low" and "high" as
        fractions of one.
      licences: of the training data, as the card should state them.
    """
    about = model.about
    use = _USES[about["recipe"]]
    if getattr(model.config, "pools", False):
        use = _CLASSIFIES
    # What labels says in which languages its data are, what transliterates knows it.
    told = about.get("languages")
    langs = model.vocabulary.languages if told is None else told
    lines = [
        "---",
        "library_name: epik_jax",
        f"pipeline_tag: {use.task}",
        # Of texts whose language nobody told, none.
        *([f"language: [{', '.join(langs)}]"] if langs else []),
        "---",
        f"# {about['recipe']}",
        "",
        use.purpose,
        "",
        "```bash",
        use.command.replace("LANG", langs[-1] if langs else ""),
        "```",
        "",
        f"- parameters: {trees.num_elements(model.params):,}",
        f"- training data: {', '.join(about['data'])}",
        *([f"- licences of the data: {licences}"] if licences else []),
        f"- command: `{about['command']}`",
        f"- commit: {about['commit']}",
        *(
            f"- {told}: {about[part]}"
            for part, told in _ORIGIN.items()
            if part in about
        ),
        *_metrics(about.get("metrics", ()), use.figures),
    ]
    return "\n".join(lines) + "\n"


def _metrics(
    rows: Sequence[Mapping[str, Any]], told: tuple[str, str, str]
) -> list[str]:
    if not rows:
        return []
    heading, right, drawn = told
    shown = [metric for name, metric in ALL_METRICS.items() if name in rows[0]]
    head = [heading, "n", *(f"{metric.title} %" for metric in shown)]
    cells = [head, ["---", *("---:" for _ in head[1:])]]
    for row in rows:
        figures = (as_text(row[metric.name]) for metric in shown)
        cells.append([str(row[heading.lower()]), f"{row['n']:,}", *figures])
    text = f"{right}; in brackets the 95 % interval of a bootstrap over {drawn}."
    return ["", *(f"| {' | '.join(line)} |" for line in cells), "", text]
