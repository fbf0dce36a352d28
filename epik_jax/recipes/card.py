"""The card of a model folder: what the model is, and what it learned from.

A model and what was measured of it go in, Markdown comes out. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from epik_jax import trees
from epik_jax.evaluation.glossary import METRICS
from epik_jax.interop.export import ModelFolder
from epik_jax.recipes.transliteration.figures import as_text

_PURPOSE = {
    "matra": "Transliterates words between English and Hindi, Tamil, Kannada and "
    "Bengali, in both directions.",
    "epik": "Transliterates words between Hindi, Tamil, Kannada and Bengali in one "
    "pass, without writing English on the way.",
}

_ORIGIN = {
    "teacher": "digest of its teacher",
    "start": "digest of the model that it began as",
    "seed": "seed",
}


def model_card(model: ModelFolder, licences: str = "") -> str:
    """Markdown with the header that model hubs read.

    Args:
      model: what is described; `about` holds recipe, data, command and commit, and may
        hold digests as "teacher" and "start", a "seed", and "metrics": rows of "words",
        "n" and, by metric, "value", "low" and "high" as fractions of one.
      licences: of the training data, as the card should state them.
    """
    about = model.about
    langs = model.vocabulary.languages
    lines = [
        "---",
        "library_name: epik_jax",
        "pipeline_tag: text2text-generation",
        f"language: [{', '.join(langs)}]",
        "---",
        f"# {about['recipe']}",
        "",
        _PURPOSE[about["recipe"]],
        "",
        "```bash",
        f"epik-jax transliterate --checkpoint DIR --to {langs[-1]} WORD",
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
        *_metrics(about.get("metrics", ())),
    ]
    return "\n".join(lines) + "\n"


def _metrics(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    shown = [metric for name, metric in METRICS.items() if name in rows[0]]
    head = ["Words", "n", *(f"{metric.title} %" for metric in shown)]
    cells = [head, ["---", *("---:" for _ in head[1:])]]
    for row in rows:
        figures = (as_text(row[metric.name]) for metric in shown)
        cells.append([str(row["words"]), f"{row['n']:,}", *figures])
    text = "Any accepted spelling is right; in brackets the 95 % interval of a "
    text += "bootstrap over words."
    return ["", *(f"| {' | '.join(line)} |" for line in cells), "", text]
