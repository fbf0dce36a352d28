"""The report of a tagging run, as JSON and as a page.

What was trained goes in with the settings of the run; `scoreboard` measures it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from epik_jax.bounds import demand
from epik_jax.evaluation import classes, entities, entity_page
from epik_jax.evaluation.entities import strict_iob2
from epik_jax.evaluation.report import curves
from epik_jax.recipes.figures import as_text, definitions, figures_table
from epik_jax.recipes.latency import LatencyConfig
from epik_jax.recipes.provenance import commit, trained_seconds
from epik_jax.recipes.published import publish_report
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.tagging import scoreboard
from epik_jax.recipes.tagging.corpus import TaggedCorpus
from epik_jax.recipes.tagging.digests import sentences_digest
from epik_jax.recipes.tagging.examination import NUM_RESAMPLES, figures
from epik_jax.recipes.tagging.labels import for_validation, main_metric
from epik_jax.recipes.tagging.scoreboard import STUDENT, TEACHER, Tagged
from epik_jax.recipes.tagging.teaching import states_kept
from epik_jax.recipes.tagging.xtremedistil import (
    Distilled,
    XtremeDistilConfig,
    students_by_size,
)
from epik_jax.structs import Sentence
from epik_jax.teachers.labelling import LabellingNetwork

FORMAT = entity_page.FORMAT
_NUM_SHOWN = 24
_OWN = ("teacher-", "student-")
"""What stages of the teacher and of the student begin with."""


@dataclasses.dataclass(frozen=True)
class TaggingScoreboardConfig:
    """What is measured.

    Attributes:
      num_sentences: of each test list, drawn by name; 0 for all.
      latency: how passes are timed.
      with_mbert: time a network of mBERT's size beside, with random weights.
    """

    num_sentences: int = 0
    latency: LatencyConfig = dataclasses.field(default_factory=LatencyConfig)
    with_mbert: bool = False

    def __post_init__(self) -> None:
        """Refuses a number that means nothing."""
        demand(self, 0, "num_sentences")


def build_report(
    config: XtremeDistilConfig,
    measured: TaggingScoreboardConfig,
    made: Distilled,
    corpus: TaggedCorpus,
    at: Workplace,
    command: str,
) -> dict[str, Any]:
    """Teacher and student on the test lists, as JSON values in the layout `FORMAT`."""
    lists = for_validation(corpus.test, measured.num_sentences)
    found = {
        TEACHER: Tagged.of({"": made.teacher}, lists),
        STUDENT: Tagged.of(made.students, lists),
    }
    swept = students_by_size(config, made, at)
    # Of several a call asks one, and all have the same sizes but for their pieces.
    one_student = next(iter(made.students.values()))
    times = scoreboard.latencies(
        made.teacher,
        {STUDENT: one_student, **swept},
        measured.latency,
        with_mbert=measured.with_mbert,
    )
    about = {TEACHER: [made.teacher], STUDENT: list(made.students.values())}
    # Students of other sizes are no part of what the student cost.
    rows = [row for row in at.log.rows() if row["stage"].startswith(_OWN)]
    student = config.student
    beside = corpus.dev_beside(student.num_validated)

    def compression(networks: Sequence[LabellingNetwork]) -> float:
        whole = scoreboard.num_parameters([made.teacher])
        return whole / scoreboard.num_parameters(networks)

    return {
        "format": FORMAT,
        "title": "XtremeDistil: a multilingual tagger in a small BiLSTM",
        "run": {
            "command": command,
            "commit": commit(),
            "seed": student.seed,
            "strategy": student.strategy,
            "minutes of training": round(trained_seconds(rows) / 60, 1),
        },
        "data": {
            "name": f"test lists@{sentences_digest(_flat(lists))[:8]}",
            "n": sum(len(one) for one in lists.values()),
            "langs": {name: one[0].lang for name, one in lists.items() if one},
            "counts": corpus.counts,
        },
        "metric": main_metric(made.teacher.config),
        "mode": classes.MODE if made.teacher.config.pools else entities.MODE,
        "resampling": {"num_resamples": NUM_RESAMPLES, "seed": 0, "level": 0.95},
        "systems": [
            {"name": name, **scoreboard.facts(about[name]), **tagged.figures()}
            for name, tagged in found.items()
        ],
        **scoreboard.share_kept(found[STUDENT], found[TEACHER]),
        "compression": compression(about[STUDENT]),
        "latency": times,
        "sweep": [
            {
                "name": name,
                "parameters": scoreboard.num_parameters([network]),
                "compression": compression([network]),
                "steps": config.sweep.num_steps,
                **_on_dev(network, beside),
            }
            for name, network in swept.items()
        ],
        "signals": states_kept(made.material, student.layer),
        "samples": _samples(found),
        "curves": curves(rows),
        "definitions": {m.name: m.definition for m in found[STUDENT].metrics},
    }


def written(report: dict[str, Any], at: Workplace) -> dict[str, Any]:
    """The same report, after it was written into the run's folder."""
    publish_report(report, entity_page.render(report), at.folder)
    return report


def summary(report: Mapping[str, Any]) -> str:
    """What a terminal shows of a report."""
    n = report["data"]["n"]
    rows = [
        (f"{s['name']} ({s['parameters']:,} parameters)", n, s["overall"])
        for s in report["systems"]
    ]
    lines = [
        figures_table("system", rows),
        *([f"kept of it: {as_text(report['kept'])} %"] if "kept" in report else []),
        f"{report['compression']:.1f} times fewer parameters",
        *(
            f"{ratio:.1f} times as fast at batch size {size} as {slow}"
            for slow, ratios in report["latency"]["speedup"].items()
            for size, ratio in ratios[STUDENT].items()
        ),
        "",
        definitions(rows, "sentences"),
        "all figures: unweighted means over languages",
    ]
    return "\n".join(lines)


def _on_dev(
    network: LabellingNetwork, lists: Mapping[str, Sequence[Sentence]]
) -> dict[str, dict[str, float]]:
    """The main figure on dev sentences that chose nothing, as "dev"; or nothing."""
    if not lists:
        return {}
    tagged = Tagged.of({"": network}, lists)
    main = tagged.metrics[0]
    found = figures(tagged.scores, tagged.langs, metrics=[main])
    return {"dev": found[main.name]} if main.name in found else {}


def _flat(lists: Mapping[str, Sequence[Sentence]]) -> list[Sentence]:
    return [sentence for found in lists.values() for sentence in found]


def _samples(found: Mapping[str, Tagged]) -> list[dict[str, Any]]:
    """A short sentence of each list in which some system differs from people."""
    first = found[TEACHER]
    shown: dict[str, dict[str, Any]] = {}
    for row, sentence in enumerate(first.sentences):
        answers = {name: tagged.answers[row] for name, tagged in found.items()}
        differ = any(answer != _gold(sentence) for answer in answers.values())
        name = str(first.lists[row])
        if name in shown or not differ or not 3 <= len(sentence.words) <= 14:
            continue
        shown[name] = {
            "list": name,
            "lang": sentence.lang,
            "words": list(sentence.words),
            "gold": list(_gold(sentence)),
            # As they are counted, or some would look right that are not.
            "answers": {
                system: list(strict_iob2(tags) if sentence.tags else tags)
                for system, tags in answers.items()
            },
        }
    return list(shown.values())[:_NUM_SHOWN]


def _gold(sentence: Sentence) -> tuple[str, ...]:
    return sentence.tags or (sentence.label,)
