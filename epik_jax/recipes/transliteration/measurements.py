"""What is measured besides answers: times, agreement, attention.

What a run has made goes in, findings for the report come out; the words are those that
the systems answered.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from epik_jax.data.draw import drawn
from epik_jax.data.pairs import example_id
from epik_jax.evaluation import fidelity
from epik_jax.evaluation.findings import AttentionMap, Findings, System
from epik_jax.evaluation.metrics import WordScores
from epik_jax.evaluation.timing import Timings, time_predictors
from epik_jax.recipes.transliteration.epik import Trained
from epik_jax.recipes.transliteration.networks import load_network
from epik_jax.recipes.transliteration.predictors import (
    Predictor,
    at_once,
    chain_at_once,
    greedily,
    greedy_chain,
)
from epik_jax.recipes.transliteration.scoreboard import CHAIN, STUDENT, ScoreboardConfig
from epik_jax.recipes.transliteration.similarity import similarities
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.forward import Network
from epik_jax.text.scripts import INDIC_LANGUAGES
from epik_jax.text.vocabulary import encode_sources, encode_targets


def agreements(trained: Trained, config: ScoreboardConfig) -> dict[str, WordScores]:
    """The student measured to what the greedy chain writes, on unseen words.

    The words are native ones of the test lists, of the kind that the student was
    trained on; the Indic languages other than a word's own take turns as its target.
    """
    chain, found = greedy_chain(trained.teacher), {}
    for name, examples in trained.corpus.test.items():
        native = [e for e in examples if e.target_lang == "en"]
        words = drawn(native, config.num_unseen) if config.num_unseen else []
        asked = [_to_another(e, turn) for turn, e in enumerate(words)]
        if asked:
            mine = zip(asked, greedily(trained.student)(asked), strict=True)
            theirs = zip(asked, chain.transliterate(asked), strict=True)
            found[name] = fidelity.against_teacher(list(mine), list(theirs))
    return found


def _to_another(example: Example, turn: int) -> Example:
    langs = [lang for lang in INDIC_LANGUAGES if lang != example.source_lang]
    target = langs[turn % len(langs)]
    name = example_id(example.source, example.source_lang, target)
    return Example(name, example.source, example.source_lang, target)


def timings(
    trained: Trained, names: Sequence[Example], config: ScoreboardConfig
) -> Timings | None:
    """Chain and students on identical words, warm, from text to text.

    What is timed as a batch is a single batch on the device too, in each pass.
    """
    if not config.num_timed:
        return None
    predictors: dict[str, Predictor] = {
        STUDENT: at_once(trained.student),
        CHAIN: chain_at_once(trained.teacher),
    }
    for name, folder in config.others:
        predictors[name] = at_once(load_network(Path(folder), trained.student.mesh))
    return time_predictors(
        predictors,
        drawn(names, config.num_timed),
        batch_sizes=config.batch_sizes,
        repeats=config.repeats,
    )


def attention_maps(
    network: Network, predictions: Sequence[tuple[Example, tuple[Hypothesis, ...]]]
) -> list[AttentionMap]:
    """Where the student looked while it wrote its answer to some words."""
    maps = []
    for example, answers in predictions:
        answer = answers[0].text
        source = encode_sources(
            network.vocabulary, [example.source], [example.target_lang]
        )
        target = encode_targets(network.vocabulary, [answer])
        weights = network.attention(source, target)
        symbols = (f"→{example.target_lang}", *example.source, "∎")
        if weights.shape != (len(answer) + 1, len(symbols)):
            continue  # Not one token a character: there is nothing to label.
        maps.append(
            AttentionMap(
                *(example.source_lang, example.target_lang),
                source_symbols=symbols,
                target_symbols=(*answer, "∎"),
                weights=weights,
            )
        )
    return maps


def findings(
    trained: Trained,
    found: Sequence[System],
    log_rows: Sequence[dict[str, object]],
    config: ScoreboardConfig,
) -> Findings:
    """Everything beside the answers; the first system is the student."""
    names = [example for example, _ in found[0].predictions]
    answers = {e.example_id: said for e, said in found[0].predictions}
    # Slots have no letters to look at.
    num_attended = 0 if trained.student.config.num_slots else config.num_attended
    attended = drawn(names, num_attended) if num_attended else []
    maps = attention_maps(
        trained.student, [(e, answers[e.example_id]) for e in attended]
    )
    written = next((s.pivots for s in found if s.role == "chain"), {})
    logging.info("measuring: similarity, agreement and times")
    return Findings(
        similarities=similarities(trained, names, written),
        agreements=agreements(trained, config),
        timings=timings(trained, names, config),
        log_rows=log_rows,
        attention=maps,
    )
