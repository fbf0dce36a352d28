"""How well the condensing went: systems on the same words, times, similarities.

What a run has made goes in, findings for the report come out. The same code scores
chain, student, tables and other models.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from epik_jax import trees
from epik_jax.data.pairs import example_id
from epik_jax.evaluation import fidelity
from epik_jax.evaluation.findings import AttentionMap, Findings, System
from epik_jax.evaluation.metrics import WordScores
from epik_jax.evaluation.timing import Timings, time_predictors
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.epik import Trained, load_network
from epik_jax.recipes.predictors import (
    Predictor,
    from_gold_english,
    greedily,
    greedy_chain,
    summed_chain,
)
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.chain import Answers
from epik_jax.teachers.crowd import reranked
from epik_jax.teachers.forward import Network
from epik_jax.teachers.table import TableTeacher
from epik_jax.text.scripts import INDIC_LANGUAGES
from epik_jax.text.vocabulary import encode_sources, encode_targets


@dataclasses.dataclass(frozen=True)
class ScoreboardConfig:
    """What is measured.

    Attributes:
      num_names: direct names scored, drawn evenly; 0 for all.
      num_pivots: pivots of the chain that sums over several; 0 leaves it out.
      rerank_weight: with which the first of `tables` ranks the answers of that chain
        anew, as one more system; 0 leaves it out.
      tables: rule tables to stand beside.
      others: (name, model folder) of other students, such as a smaller one.
      baselines: (name, model folder) of students without a teacher.
      num_unseen: words of each test list on which the student is measured to the
        chain's own spelling; 0 for none.
      num_timed: words in the timing; 0 for no timing.
      batch_sizes: of the timing.
      repeats: of the timing.
      num_attended: words whose attention is drawn.
    """

    num_names: int = 0
    num_pivots: int = 4
    rerank_weight: float = 0.0
    tables: tuple[str, ...] = ("builtin",)
    others: tuple[tuple[str, str], ...] = ()
    baselines: tuple[tuple[str, str], ...] = ()
    num_unseen: int = 0
    num_timed: int = 512
    batch_sizes: tuple[int, ...] = (1, 32, 256)
    repeats: int = 5
    num_attended: int = 6

    def __post_init__(self) -> None:
        """Refuses advice that nobody gives, or gives to nobody."""
        if self.rerank_weight and not (self.tables and self.num_pivots):
            raise ValueError("rerank_weight needs a table and num_pivots above 0")


def direct_names(trained: Trained, config: ScoreboardConfig) -> list[Example]:
    """The names that are reported on: Indic to Indic, never used for choosing."""
    names = [e for e in trained.corpus.names if not _has_english(e)]
    return _evenly(names, config.num_names)


def _has_english(example: Example) -> bool:
    return "en" in (example.source_lang, example.target_lang)


def _evenly(names: list[Example], limit: int) -> list[Example]:
    """At most `limit` of them, drawn evenly; all where it is 0."""
    if not limit or limit >= len(names):
        return names
    return [names[i] for i in np.linspace(0, len(names) - 1, limit).astype(int)]


def systems(
    trained: Trained, names: Sequence[Example], config: ScoreboardConfig
) -> list[System]:
    """Every system's answers to the same names, the student first."""
    teacher, student = trained.teacher, trained.student
    found = [
        _system("student", "student", names, greedily(student)(names), student),
        _chain(trained, names, config),
    ]
    if all(e.pivot for e in names):
        answers = from_gold_english(teacher)(names)
        bound = _system("gold English", "oracle", names, answers, teacher)
        note = "the teacher reads the right English form: a bound, no rival"
        found.append(dataclasses.replace(bound, note=note))
    if config.num_pivots:
        found += _summed(teacher, names, config)
    for role, folders in (("student", config.others), ("baseline", config.baselines)):
        for name, folder in folders:
            other = load_network(Path(folder))
            found.append(_system(name, role, names, greedily(other)(names), other))
    for kind in config.tables:
        answers = TableTeacher(kind).transliterate(names)
        table = _system(f"table {kind}", "rules", names, answers, None)
        found.append(dataclasses.replace(table, decode="rules"))
    return found


def _system(
    name: str,
    role: str,
    names: Sequence[Example],
    answers: Answers,
    network: Network | None,
) -> System:
    count = trees.num_elements(network.params) if network else None
    return System(name, role, list(zip(names, answers, strict=True)), "greedy", count)


def _chain(
    trained: Trained, names: Sequence[Example], config: ScoreboardConfig
) -> System:
    """The greedy chain, with what it wrote on its way and on pairs with English."""
    teacher = trained.teacher
    chain = greedy_chain(teacher)
    pivots = chain.pivots(names)
    english = [e for e in trained.corpus.names if _has_english(e)]
    english = _evenly(english, config.num_names)
    return dataclasses.replace(
        _system("chain", "chain", names, chain.finish(names, pivots), teacher),
        pivots={e.example_id: p[0].text for e, p in zip(names, pivots, strict=True)},
        note="the same network twice, through English; English pairs once",
        more=list(zip(english, greedily(teacher)(english), strict=True)),
    )


def _summed(
    teacher: Network, names: Sequence[Example], config: ScoreboardConfig
) -> list[System]:
    """The chain that sums over pivots, and the same with a table's advice."""
    answers = summed_chain(teacher, config.num_pivots).transliterate(names)
    made = {"chain, summed over pivots": answers}
    if config.rerank_weight:
        advice = TableTeacher(config.tables[0]).transliterate(names)
        name = f"the same, reranked by table {config.tables[0]}"
        made[name] = reranked(answers, advice, config.rerank_weight)
    label = f"beam-{config.num_pivots}x{config.num_pivots}"
    return [
        dataclasses.replace(
            _system(name, "teacher", names, given, teacher), decode=label
        )
        for name, given in made.items()
    ]


def agreements(trained: Trained, config: ScoreboardConfig) -> dict[str, WordScores]:
    """The student measured to what the greedy chain writes, on unseen words.

    The words are native ones of the test lists, of the kind that the student was
    trained on; the Indic languages other than a word's own take turns as its target.
    """
    chain, found = greedy_chain(trained.teacher), {}
    for name, examples in trained.corpus.test.items():
        native = [e for e in examples if e.target_lang == "en"]
        words = _evenly(native, config.num_unseen) if config.num_unseen else []
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
        predictors[name] = greedily(load_network(Path(folder)))
    step = max(1, len(names) // config.num_timed)
    return time_predictors(
        predictors,
        names[::step][: config.num_timed],
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
    step = max(1, len(names) // max(config.num_attended, 1))
    attended = list(found[0].predictions)[::step][: config.num_attended]
    config_of: TransformerConfig = trained.student.config
    maps = [] if config_of.num_slots else attention_maps(trained.student, attended)
    return Findings(
        similarities=similarities(trained, names),
        agreements=agreements(trained, config),
        timings=timings(trained, names, config),
        log_rows=log_rows,
        attention=maps,
    )
