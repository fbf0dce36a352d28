"""Commands that ask a finished model: to be scored, to transliterate, tag or score.

Options go in, an exit status comes out; answers are printed. Whatever is heavy is
imported inside the command that needs it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from epik_jax import starting

_OF_WORDS = {
    **{"chain": False, "table": None, "beam": 1, "feature_distance": False},
    **{"part": "", "apart": (), "limit": 0, "format": ""},
    **{"source_lang": "", "target_lang": ""},
}
"""Options of `evaluate` that mean nothing to labels, and their defaults."""


def evaluate(given: argparse.Namespace) -> int:
    """Scores a model, a chain or a rule table on a file."""
    for option in ("conll", "labelled"):
        if (file := getattr(given, option)) is not None:
            return _evaluate_labels(given, option, file)
    if given.pair_file is not None:
        return _evaluate_pairs(given)
    if given.right:
        raise ValueError("--right is for --pair-file")
    if (given.table is None) == (given.checkpoint is None):
        raise ValueError(
            "evaluate wants one of --checkpoint DIR and --table builtin|icu"
        )
    if given.table is not None and given.beam > 1:
        raise ValueError("--beam means nothing to a rule table")
    with starting.set_up():
        from epik_jax.evaluation import report
        from epik_jax.recipes import output
        from epik_jax.recipes.transliteration import (
            answerer,
            examination,
            pairs_file,
            summaries,
        )

    if given.json is not None:
        output.demand_writable(given.json, given.pairs)
    if given.table is not None:
        system = answerer.table_answerer(given.table)
    else:
        system = answerer.model_answerer(
            given.checkpoint,
            beam_width=given.beam,
            num_candidates=given.beam,
            chain=given.chain,
        )
    named = {f.name for f in dataclasses.fields(pairs_file.PairsFile)} - {"path"}
    asked = pairs_file.PairsFile(given.pairs, **{f: getattr(given, f) for f in named})
    made = examination.examine(
        asked, system, apart=given.apart, with_distance=given.feature_distance
    )
    if given.json is not None:
        report.write_report(given.json, made)
    print(summaries.examination_table(made))
    return 0


def _evaluate_labels(given: argparse.Namespace, kind: str, file: Path) -> int:
    """Scores a labeller on a file of --conll or of --labelled."""
    _demand_plain(given, kind, ("right",))
    with starting.set_up():
        from epik_jax.evaluation import report
        from epik_jax.recipes import output
        from epik_jax.recipes.tagging import examination

    if given.json is not None:
        output.demand_writable(given.json, file)
    examine = {
        "conll": examination.examine_conll,
        "labelled": examination.examine_labelled,
    }[kind]
    share = given.max_bad_share
    made = examine(given.checkpoint, file, lang=given.lang, max_bad_share=share)
    if given.json is not None:
        report.write_report(given.json, made)
    print(examination.examination_table(made))
    return 0


def _evaluate_pairs(given: argparse.Namespace) -> int:
    """Scores a scorer on a file of --pair-file."""
    _demand_plain(given, "pair-file", ("lang",))
    with starting.set_up():
        from epik_jax.evaluation import report
        from epik_jax.recipes import output
        from epik_jax.recipes.scoring import examination

    if given.json is not None:
        output.demand_writable(given.json, given.pair_file)
    made = examination.examine_pairs(
        given.checkpoint,
        given.pair_file,
        right=given.right,
        max_bad_share=given.max_bad_share,
    )
    if given.json is not None:
        report.write_report(given.json, made)
    print(examination.examination_table(made))
    return 0


def _demand_plain(
    given: argparse.Namespace, kind: str, others: Sequence[str] = ()
) -> None:
    """Refuses what is for words alone, and a missing checkpoint."""
    if given.checkpoint is None:
        raise ValueError(f"evaluate --{kind} wants a --checkpoint DIR")
    for name, default in {**_OF_WORDS, **dict.fromkeys(others, "")}.items():
        if getattr(given, name) != default:
            option = {"source_lang": "from", "target_lang": "to"}.get(name, name)
            raise ValueError(
                f"--{option.replace('_', '-')} is for --pairs and means nothing to "
                f"--{kind}"
            )


def transliterate(given: argparse.Namespace) -> int:
    """Writes words in another script."""
    _demand_one_source("words", given.words, given)
    with starting.set_up():
        from epik_jax.recipes.transliteration import answerer, phrase

    system = answerer.model_answerer(
        given.checkpoint,
        beam_width=given.beam,
        num_candidates=given.nbest or 1,
        chain=given.chain,
    )
    writer = phrase.Writer(
        given.target_lang, system.predictor, system.max_length, given.source_lang
    )
    with _lines("words", given.words, given) as lines:
        for line in writer.write(lines):
            _print_line(line, given)
    return 0


def tag(given: argparse.Namespace) -> int:
    """Finds the names in sentences."""
    _demand_one_source("sentences", given.sentences, given)
    with starting.set_up():
        from epik_jax.interop.model_folder import load_labeller
        from epik_jax.recipes.opened import opened
        from epik_jax.recipes.tagging import examination, tagger

    network = examination.network_of(opened(given.checkpoint, load_labeller))
    with _lines("sentences", given.sentences, given) as lines:
        if network.config.pools:
            return _print_labels(tagger.label_lines(network, lines), given)
        for line in tagger.tag_lines(network, lines):
            if given.format == "json":
                print(json.dumps(line.to_json(), ensure_ascii=False))
            else:
                print(line.to_text() if given.format == "text" else line.to_conll())
    return 0


def score(given: argparse.Namespace) -> int:
    """Scores pairs of texts, or ranks passages for questions."""
    _demand_one_source("pairs", given.pairs, given)
    with starting.set_up():
        from epik_jax.interop.model_folder import load_scorer
        from epik_jax.recipes.opened import opened
        from epik_jax.recipes.scoring import examination, ranker

    model = opened(given.checkpoint, load_scorer)
    right = examination.right_of(model, given.right)
    if given.rank and not right:
        raise ValueError(
            "--rank: the model was not made to rank; say with --right which of "
            f"{model.config.labels} answers a question"
        )
    with _lines("pairs", given.pairs, given) as lines:
        network, name = examination.network_of(model), str(given.file or "")
        found = ranker.score_lines(network, lines, right, name)
        for pair in ranker.ranked(found) if given.rank else found:
            as_json = json.dumps(pair.to_json(), ensure_ascii=False)
            print(as_json if given.json else pair.to_columns())
    return 0


def _print_labels(found: Iterable[tuple[str, str]], given: argparse.Namespace) -> int:
    if given.format == "conll":
        raise ValueError(
            "--format conll is for tags of words, and the model labels whole sentences"
        )
    for text, label in found:
        as_json = json.dumps({"text": text, "label": label}, ensure_ascii=False)
        print(as_json if given.format == "json" else f"{text}\t{label}")
    return 0


def _demand_one_source(
    name: str, words: Sequence[str], given: argparse.Namespace
) -> None:
    if words and given.file is not None:
        raise ValueError(f"{name} and --file are both given; give one of them")
    if words and not any(word.strip() for word in words):
        raise ValueError(f"the {name} are empty, there is nothing to write")


@contextlib.contextmanager
def _lines(
    name: str, words: Sequence[str], given: argparse.Namespace
) -> Iterator[Iterator[str]]:
    """Lines from the arguments, the file or standard input."""
    from epik_jax.recipes.lines import open_text, read_text

    if words:
        yield iter(words)
    elif given.file is not None:
        with open_text(given.file) as lines:
            yield lines
    elif sys.stdin is None:
        raise ValueError(f"standard input is closed; give {name} or --file")
    else:
        if sys.stdin.isatty():
            logging.info("reading lines from the terminal; Ctrl-D ends them")
        yield read_text(sys.stdin.buffer, "standard input")


def _print_line(line: Any, given: argparse.Namespace) -> None:
    if given.json:
        print(json.dumps(line.to_json(), ensure_ascii=False))
    elif given.nbest is None:
        print(line.output)
    else:
        for word in line.words:
            for answer in word.candidates:
                print(word.source, answer.text, f"{answer.log_prob:.4f}", sep="\t")
