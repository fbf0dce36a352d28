"""What a table's advice is worth at each weight, on names that are for choosing.

    python benchmarks/choose.py --pairs FILE --checkpoint DIR [--apart SOURCE ...]

The chain greedy and summed over pivots, its second half from gold English, and the
built-in table by itself; then both kinds of beams ranked anew by the table, without and
with its own proposals. The weights in `configs/epik.py` are chosen by this. Names for
reports are not looked at, pairs with English are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import mistakes
import names

from epik_jax.recipes.transliteration.networks import load_network
from epik_jax.recipes.transliteration.predictors import (
    from_gold_english,
    greedy_chain,
    summed_chain,
)
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.advice import CrowdConfig, advised
from epik_jax.teachers.chain import Answers, Chain
from epik_jax.teachers.crowd import reranked
from epik_jax.teachers.forward import Network
from epik_jax.teachers.table import TableTeacher

NUM_PIVOTS = 4


def main() -> None:
    """Asks every system and prints its figures."""
    options = _options()
    asked = names.direct_names(options.pairs, "choosing", options.apart)
    teacher = load_network(options.checkpoint)
    systems = [
        names.answered(name, "teacher", asked, answers, decode)
        for name, decode, answers in _answers(teacher, asked, options)
    ]
    names.show("Choosing", systems, f"{options.pairs.name} choosing", options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--apart", nargs="+", default=(), help="sources left out")
    parser.add_argument("--weights", type=float, nargs="+", default=[4, 8, 12, 16, 24])
    parser.add_argument("--json", type=Path, help="write the report here too")
    options = parser.parse_args()
    mistakes.demand_unspoilt(options.json, options.pairs)
    return options


def _answers(
    teacher: Network, asked: Sequence[Example], options: argparse.Namespace
) -> Iterable[tuple[str, str, Answers]]:
    greedy = greedy_chain(teacher)
    yield "greedy chain", greedy.label, greedy.transliterate(asked)
    yield "gold English, greedy", "greedy", from_gold_english(teacher)(asked)
    table = TableTeacher("builtin").transliterate(asked)
    yield "table", "rules", table
    summed = summed_chain(teacher, NUM_PIVOTS)
    gold = Chain(
        summed.links,
        {(e.source_lang, e.source): (Hypothesis(e.pivot, 0.0),) for e in asked},
    )
    for name, chain in (("chain", summed), ("gold English", gold)):
        pivots = chain.pivots(asked)
        plain = chain.finish(asked, pivots)
        yield f"{name}, beams", chain.label, plain
        crowd = CrowdConfig("builtin", proposes=True)
        joined = advised(crowd, chain, asked, pivots, plain)
        for answers, joins in ((plain, ""), (joined, ", proposals")):
            for weight in options.weights:
                label = f"{name}, weight {weight:g}{joins}"
                yield label, chain.label, reranked(answers, table, weight)


if __name__ == "__main__":
    mistakes.told(main)
