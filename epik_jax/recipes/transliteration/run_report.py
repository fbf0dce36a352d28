"""The report of a run, as JSON and as a page.

What was trained goes in with the settings of the run; `evaluation` scores and draws it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epik_jax.evaluation import page, report
from epik_jax.evaluation.feature_distance import make_feature_distance
from epik_jax.evaluation.findings import Findings
from epik_jax.interop.model_folder import load_transliterator
from epik_jax.recipes.provenance import commit, how_trained
from epik_jax.recipes.published import publish_report
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.transliteration import lexicons, measurements, scoreboard
from epik_jax.recipes.transliteration.corpus import Corpus, DataConfig
from epik_jax.recipes.transliteration.epik import Trained
from epik_jax.recipes.transliteration.exports import kept_pairs
from epik_jax.recipes.transliteration.run_config import EpikRun, MatraRun
from epik_jax.recipes.transliteration.streams import examples_digest
from epik_jax.teachers.advice import adviser
from epik_jax.teachers.forward import Network


def demand_reportable(config: MatraRun | EpikRun) -> None:
    """Notices before hours of training what the report would miss after them.

    Raises:
      ValueError: no list to report on, a table that is not installed, or no whole model
        where one is named.
    """
    if isinstance(config, MatraRun):
        _demand_lists(config.data, "test")
        tables = config.lexicons.tables
    else:
        _demand_lists(config.data, "names")
        tables = config.scoreboard.tables
        _demand_models(config.scoreboard)
    for kind in tables:
        adviser(kind)


def matra_report(
    config: MatraRun, corpus: Corpus, network: Network, at: Workplace, command: str
) -> dict[str, Any]:
    """The network on the words of the test lists."""
    words = lexicons.lexicon_words(corpus, config.lexicons)
    rows, code = at.log.rows(), commit()
    return report.build_report(
        "MATra: one network between English and four Indic languages",
        lexicons.systems(network, words, config.lexicons),
        run={
            "command": command,
            "commit": code,
            **how_trained("", config.teacher.seed, rows),
            **kept_pairs(corpus.counts),
        },
        data={
            "name": f"test lists@{examples_digest(words)[:8]}",
            "note": "Words of the test lists; none of them was trained on.",
            "counts": corpus.counts,
        },
        code=code,
        findings=Findings(log_rows=rows),
    )


def epik_report(
    config: EpikRun, trained: Trained, at: Workplace, command: str
) -> dict[str, Any]:
    """The student beside its teachers on direct names."""
    names = scoreboard.direct_names(trained, config.scoreboard)
    found = scoreboard.systems(trained, names, config.scoreboard)
    rows = at.log.rows()
    measured = measurements.findings(trained, found, rows, config.scoreboard)
    wanted, code = config.scoreboard.feature_distance, commit()
    return report.build_report(
        "EPIK: a two-stage chain in one student",
        found,
        run={
            "command": command,
            "commit": code,
            **how_trained(config.epik.student_folder, config.epik.student.seed, rows),
            **kept_pairs(trained.corpus.counts),
        },
        data={
            "name": f"direct names@{examples_digest(names)[:8]}",
            "note": "Names that choices were made on are not among them.",
            "counts": trained.corpus.counts,
        },
        code=code,
        distance=make_feature_distance() if wanted else None,
        findings=measured,
    )


def written(made: dict[str, Any], at: Workplace) -> dict[str, Any]:
    """The same report, after it was written into the run's folder."""
    publish_report(made, page.render(made), at.folder)
    return made


def _demand_lists(data: DataConfig, split: str) -> None:
    if data.kind == "files" and all(item.split != split for item in data.lists):
        raise ValueError(
            f"config.data.lists has no list of split {split!r} to report on; add "
            "one, or leave the report out with `epik-jax train`"
        )


def _demand_models(config: scoreboard.ScoreboardConfig) -> None:
    if config.feature_distance:
        make_feature_distance()
    for name, folder in (*config.others, *config.baselines):
        try:
            load_transliterator(Path(folder))
        except (OSError, ValueError) as error:
            raise ValueError(f"config.scoreboard: {name}: {error}") from error
