"""The card of a model folder: what the model is, and what it learned from."""

from __future__ import annotations

from epik_jax import trees
from epik_jax.interop.export import ModelFolder

_PURPOSE = {
    "matra": "Transliterates words between English and Hindi, Tamil, Kannada and "
    "Bengali, in both directions.",
    "epik": "Transliterates words between Hindi, Tamil, Kannada and Bengali in one "
    "pass, without writing English on the way.",
}


def model_card(model: ModelFolder, licences: str = "") -> str:
    """Markdown with the header that model hubs read.

    Args:
      model: what is described; `about` holds recipe, data, command and commit, and may
        hold "metrics", a mapping of figures.
      licences: of the training data, as the card should state them.
    """
    about = model.about
    count = trees.num_elements(model.params)
    lines = [
        "---",
        "library_name: epik_jax",
        "pipeline_tag: text2text-generation",
        f"language: [{', '.join(model.vocabulary.languages)}]",
        "---",
        f"# {about['recipe']}",
        "",
        _PURPOSE[about["recipe"]],
        "",
        f"- parameters: {count:,}",
        f"- training data: {', '.join(about['data'])}",
        f"- command: `{about['command']}`",
        f"- commit: {about['commit']}",
    ]
    if licences:
        lines.append(f"- licences of the data: {licences}")
    for name, value in about.get("metrics", {}).items():
        lines.append(f"- {name}: {value}")
    return "\n".join(lines) + "\n"
