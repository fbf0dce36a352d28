"""A model beside other people's transliterators, on the same direct names.

    python benchmarks/peers.py --pairs FILE [--part report] [--checkpoint DIR]

Peers are PyICU and aksharamukha, each where it is installed; what is not is named.
Aksharamukha stands there twice: as it comes, and with its options for Hindi and Bengali
schwas, Tamil voicing and Tamil without superscript digits. All are scored by the
project's own report; pairs with English are left out.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import mistakes
import names

from epik_jax.evaluation.findings import System
from epik_jax.recipes.transliteration import answerer
from epik_jax.recipes.transliteration.answerer import Answerer
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.chain import Answers
from epik_jax.text.normalise import normalise
from epik_jax.text.scripts import SCRIPTS

READING = {
    "hi": ["RemoveSchwaHindi"],
    "bn": ["SchwaFinalBengali"],
    "ta": ["TamilTranscribe"],
}
WRITING = {"ta": ["TamilRemoveNumbers"]}


def main() -> None:
    """Asks every system, prints their figures and the model's lead."""
    options = _options()
    asked = names.direct_names(options.pairs, options.part, options.apart)
    systems: list[System] = []
    for one in _answerers(options.checkpoint):
        role = "student" if not one.name.startswith(("table", "aksh")) else "rules"
        answers = one.predictor(asked)
        digest = one.about.get("digest", "")
        systems.append(
            names.answered(one.name, role, asked, answers, one.decode, digest)
        )
    data = f"{options.pairs.name} {options.part or 'whole'}"
    made = names.show("Peers", systems, data, options.json)
    if options.checkpoint:
        print("\n".join(_leads(made["systems"])))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--part", default="report", choices=("", "choosing", "report"))
    parser.add_argument("--apart", nargs="+", default=(), help="sources left out")
    parser.add_argument("--checkpoint", type=Path, help="a model folder")
    parser.add_argument("--json", type=Path, help="write the report here too")
    options = parser.parse_args()
    mistakes.demand_unspoilt(options.json, options.pairs)
    return options


def _answerers(checkpoint: Path | None) -> Iterable[Answerer]:
    if checkpoint:
        yield answerer.model_answerer(checkpoint)
    yield answerer.table_answerer("builtin")
    try:
        yield answerer.table_answerer("icu")
    except ValueError as error:
        print(f"left out: {error}")
    if importlib.util.find_spec("aksharamukha"):
        version = importlib.metadata.version("aksharamukha")
        for name, tuned in (("aksharamukha", False), ("aksharamukha, options", True)):
            yield Answerer(name, _Aksharamukha(tuned), f"rules-{version}", 64, {})
    else:
        print("left out: aksharamukha is not installed: pip install aksharamukha")


class _Aksharamukha:
    """Its answers, a whole language pair at a time, a word a line."""

    def __init__(self, tuned: bool) -> None:
        self._tuned = tuned

    def __call__(self, examples: Sequence[Example]) -> Answers:
        order = sorted(range(len(examples)), key=lambda i: examples[i].langs)
        found: dict[int, tuple[Hypothesis, ...]] = {}
        for (source, target), rows in groupby(order, lambda i: examples[i].langs):
            places = list(rows)
            text = "\n".join(examples[i].source for i in places)
            written = self._write(text, source, target).split("\n")
            for i, word in zip(places, written, strict=True):
                found[i] = (Hypothesis(normalise(word, target), 0.0),)
        return [found[i] for i in range(len(examples))]

    def _write(self, text: str, source: str, target: str) -> str:
        from aksharamukha import transliterate

        return transliterate.process(
            *(SCRIPTS[source].name, SCRIPTS[target].name, text),
            pre_options=READING.get(source, []) if self._tuned else [],
            post_options=WRITING.get(target, []) if self._tuned else [],
        )


def _leads(systems: Sequence[dict[str, Any]]) -> Iterable[str]:
    """The first system against each other one, as ratios and pairs won."""
    mine, *others = systems
    for other in others:
        top1, cer = (
            _ratio(*(s["overall"][m]["value"] for s in (mine, other)))
            for m in ("top1", "cer")
        )
        sound = [s["overall"]["sound_class"]["value"] for s in (mine, other)]
        ahead = sum(
            figures["top1"] > other["pairs"][pair]["top1"]
            and figures["cer"] < other["pairs"][pair]["cer"]
            for pair, figures in mine["pairs"].items()
        )
        yield (
            f"{mine['name']} against {other['name']}: top-1 x {top1}, "
            f"CER x {cer}, sound class {100 * (sound[0] - sound[1]):+.1f} points, "
            f"ahead in both on {ahead} of {len(mine['pairs'])} pairs"
        )


def _ratio(mine: float, other: float) -> str:
    return f"{mine / other:.2f}" if other else "(of 0)"


if __name__ == "__main__":
    mistakes.told(main)
