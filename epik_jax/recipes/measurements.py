"""What is measured besides answers: times, agreement, similarity, attention.

What a run has made goes in, findings for the report come out; the words are those that
the systems answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from epik_jax.data.draw import drawn
from epik_jax.data.pairs import example_id
from epik_jax.evaluation import fidelity
from epik_jax.evaluation.findings import AttentionMap, Findings, System
from epik_jax.evaluation.metrics import WordScores
from epik_jax.evaluation.timing import Timings, time_predictors
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.epik import Trained
from epik_jax.recipes.networks import load_network
from epik_jax.recipes.predictors import Predictor, greedily, greedy_chain
from epik_jax.recipes.scoreboard import ScoreboardConfig
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
    """Chain and students on identical words, warm, from text to text."""
    if not config.num_timed:
        return None
    predictors: dict[str, Predictor] = {
        "student": greedily(trained.student),
        "chain": greedy_chain(trained.teacher).transliterate,
    }
    for name, folder in config.others:
        predictors[name] = greedily(load_network(Path(folder), trained.student.mesh))
    return time_predictors(
        predictors,
        drawn(names, config.num_timed),
        batch_sizes=config.batch_sizes,
        repeats=config.repeats,
    )


def similarities(
    trained: Trained, names: Sequence[Example]
) -> dict[str, fidelity.Similarity]:
    """Student's encoder states beside the teacher's of the gold English form."""
    with_pivot = [e for e in names if e.pivot]
    if trained.student.config.num_slots or len(with_pivot) < 2:
        return {}
    langs = [e.target_lang for e in with_pivot]
    vocabulary = trained.teacher.vocabulary
    mine = trained.student.hidden(
        encode_sources(vocabulary, [e.source for e in with_pivot], langs)
    )
    theirs = trained.teacher.hidden(
        encode_sources(vocabulary, [e.pivot for e in with_pivot], langs)
    )
    bridge = trained.bridge.get("hidden", {})
    width = max(int(mine.lengths.max()), int(theirs.lengths.max()))
    rows = np.arange(len(with_pivot))
    student_BLD, student_BL = mine.padded(rows, width, 0.0)
    teacher_BLD, teacher_BL = theirs.padded(rows, width, 0.0)
    if bridge:
        student_BLD = student_BLD @ bridge["kernel"] + bridge["bias"]
    elif student_BLD.shape[-1] != teacher_BLD.shape[-1]:
        return {}
    return {
        "pooled": fidelity.pooled_similarity(
            fidelity.mean_pooled(student_BLD, student_BL),
            fidelity.mean_pooled(teacher_BLD, teacher_BL),
        ),
        "by position": fidelity.positional_similarity(
            student_BLD, teacher_BLD, student_BL, teacher_BL
        ),
    }


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
    """Everything beside the answers."""
    names = [example for example, _ in found[0].predictions]
    looked_at = {e.example_id for e in drawn(names, config.num_attended or 1)}
    attended = [p for p in found[0].predictions if p[0].example_id in looked_at]
    attended = attended[: config.num_attended]
    config_of: TransformerConfig = trained.student.config
    maps = [] if config_of.num_slots else attention_maps(trained.student, attended)
    return Findings(
        similarities=similarities(trained, names),
        agreements=agreements(trained, config),
        timings=timings(trained, names, config),
        log_rows=log_rows,
        attention=maps,
    )
