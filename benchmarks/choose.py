"""What a table's advice is worth at each weight, on names that are for choosing.

    python benchmarks/choose.py --pairs FILE --checkpoint DIR [--apart SOURCE ...]

The chain greedy and summed over pivots, its second half from gold English, and the
built-in table by itself; then both kinds of beams ranked anew by the table, without and
with its own proposals. The weights in `configs/epik.py` are chosen by this. Names for
reports are not looked at, pairs with English are left out.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from epik_jax.evaluation import report
from epik_jax.evaluation.findings import System
from epik_jax.recipes import figures
from epik_jax.recipes.networks import load_network
from epik_jax.recipes.pairs_file import PairsFile
from epik_jax.recipes.predictors import from_gold_english, greedy_chain, summed_chain
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.advice import CrowdConfig, advised
from epik_jax.teachers.chain import Answers, Chain
from epik_jax.teachers.forward import Network
from epik_jax.teachers.table import TableTeacher

MAX_LENGTH = 32
NUM_PIVOTS = 4


def main() -> None:
    """Asks every system and prints its figures."""
    options = _options()
    asked = PairsFile(options.pairs, part="choosing")
    names = [
        e
        for e in asked.read(MAX_LENGTH)[0]
        if "en" not in (e.source_lang, e.target_lang) and e.origin not in options.apart
    ]
    systems = []
    for name, answers in _answers(load_network(options.checkpoint), names, options):
        pairs = list(zip(names, answers, strict=True))
        systems.append(System(name, "teacher", pairs, ""))
        print(f"{name}: {len(pairs)} names", flush=True)
    data = {"name": f"{options.pairs.name} choosing"}
    made = report.build_report("Choosing", systems, run={}, data=data)
    if options.json:
        report.write_report(options.json, made)
    n = made["data"]["n"]
    rows = [(s["name"], n, s["overall"]) for s in made["systems"]]
    print(figures.figures_table("system", rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--apart", nargs="+", default=(), help="sources left out")
    parser.add_argument("--weights", type=float, nargs="+", default=[4, 8, 12, 16, 24])
    parser.add_argument("--json", type=Path, help="write the report here too")
    return parser.parse_args()


def _answers(
    teacher: Network, names: Sequence[Example], options: argparse.Namespace
) -> Iterable[tuple[str, Answers]]:
    yield "greedy chain", greedy_chain(teacher).transliterate(names)
    yield "gold English, greedy", from_gold_english(teacher)(names)
    yield "table", TableTeacher("builtin").transliterate(names)
    summed = summed_chain(teacher, NUM_PIVOTS)
    gold = Chain(
        summed.links,
        {(e.source_lang, e.source): (Hypothesis(e.pivot, 0.0),) for e in names},
    )
    for name, chain in (("chain", summed), ("gold English", gold)):
        pivots = chain.pivots(names)
        plain = chain.finish(names, pivots)
        yield f"{name}, beams", plain
        for proposes, weight in itertools.product((False, True), options.weights):
            crowd = CrowdConfig("builtin", proposes=proposes, rerank_weight=weight)
            label = f"{name}, weight {weight:g}{', proposals' if proposes else ''}"
            yield label, advised(crowd, chain, names, pivots, plain)


if __name__ == "__main__":
    main()
