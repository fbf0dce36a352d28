"""Teachers side by side: trained on people's labels, or read from their folders.

Settings and pairs go in, scoring networks come out, each with what it is asked about.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epik_jax.interop.huggingface import is_hugging_face_folder
from epik_jax.interop.model_folder import load_scorer
from epik_jax.models.scorer_config import ScorerConfig
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.opened import opened
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring.bert_scorer import read_bert
from epik_jax.recipes.scoring.corpus import PairCorpus, PairDataConfig
from epik_jax.recipes.scoring.crowd_config import CrowdConfig, TeacherConfig
from epik_jax.recipes.scoring.teacher import train_teacher
from epik_jax.structs import Params
from epik_jax.teachers.scoring import ScoringNetwork
from epik_jax.text.wordpiece import WordPieces


@dataclasses.dataclass(frozen=True)
class Member:
    """One teacher at work.

    Attributes:
      name: in figures and in the cache's record.
      network: what answers.
      lists: names of the lists whose pairs it is asked about; empty for all.
      encoder: what it was before it learnt labels; None where that was nothing, or is
        not known.
      origin: what its folder says of how it came to be: seed, digests.
      given: its folder where it was not trained here; else "".
    """

    name: str
    network: ScoringNetwork
    lists: tuple[str, ...] = ()
    encoder: Params | None = None
    origin: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    given: str = ""


def ready_crowd(
    config: CrowdConfig,
    corpus: PairCorpus,
    data: PairDataConfig,
    pieces: WordPieces | None,
    at: Workplace,
) -> tuple[Member, ...]:
    """All teachers, trained where they are not given.

    Args:
      config: which.
      corpus: pairs.
      data: how they are labelled.
      pieces: of those that begin as nothing; None where there are none.
      at: where.

    Raises:
      FileNotFoundError: there is no model folder, or a file of one is missing.
      ValueError: one is damaged, has other classes, or is no scorer.
    """
    crowd = []
    for teacher in config.used:
        if teacher.folder:
            network, given = _read(teacher, data, at), teacher.folder
            crowd.append(Member(teacher.name, network, teacher.lists, given=given))
            continue
        shown = (config.num_validated, corpus, data, pieces, at)
        found = train_teacher(teacher, *shown)
        about = (teacher.lists, found.encoder, found.origin)
        crowd.append(Member(teacher.name, found.network, *about))
    return tuple(crowd)


def demand_pairs(config: CrowdConfig, corpus: PairCorpus) -> None:
    """Notices before anything is trained what cannot be.

    Raises:
      ValueError: there are fewer pairs than a batch holds, or no list of such a name;
        says which setting.
    """
    there = len(corpus.train)
    learnt = {pair.origin for pair in corpus.train}
    names = learnt | {pair.origin for pair in corpus.general}
    for teacher in config.used:
        if teacher.lists and not learnt & {*teacher.lists}:
            raise ValueError(
                f"teacher {teacher.name}: lists {teacher.lists} are none of those that "
                f"a student learns the task from, {sorted(learnt)}"
            )
        if odd := [name for name in teacher.lists if name not in names]:
            raise ValueError(
                f"teacher {teacher.name}: lists names {odd[0]!r}, and there are "
                f"{sorted(names)}"
            )
        for leg in teacher.legs.values():
            if leg.batches.batch_size > there:
                raise ValueError(
                    f"teacher {teacher.name}: batch_size is {leg.batches.batch_size}, "
                    f"and there are {there} labelled pairs"
                )


def networks_there(
    config: CrowdConfig, data: PairDataConfig, at: Workplace
) -> dict[str, ScorerConfig]:
    """Networks of teachers that have a folder, by name, before anything is trained.

    Raises:
      FileNotFoundError: there is no model folder, or a file of one is missing.
      ValueError: one is damaged, has other classes, or is no scorer.
    """
    found: dict[str, ScorerConfig] = {}
    begun: dict[tuple[str, EncoderConfig], ScorerConfig] = {}
    for teacher in config.used:
        if teacher.folder:
            found[teacher.name] = _read(teacher, data, at).config
        elif teacher.start_folder:
            given = (teacher.start_folder, teacher.model)
            if given not in begun:  # Large, and often one for all.
                folder = Path(teacher.start_folder)
                begun[given] = read_bert(folder, teacher.model, data.classes).config
            found[teacher.name] = begun[given]
    return found


def _read(
    teacher: TeacherConfig, data: PairDataConfig, at: Workplace
) -> ScoringNetwork:
    """A finished teacher, from its folder."""
    folder = Path(teacher.folder)
    if is_hugging_face_folder(folder):
        bert = read_bert(folder, teacher.model, data.classes)
        if "headers" not in bert.params:
            raise ValueError(
                f"teacher {teacher.name}: {folder} tells pairs apart as "
                f"{bert.labels or 'nothing'}, here they are {data.classes}: name the "
                "same classes in its config.json (id2label)"
            )
        network = ScoringNetwork(bert.params, bert.config, bert.pieces, at.mesh)
    else:
        model = opened(folder, load_scorer)
        network = ScoringNetwork(model.params, model.config, model.vocabulary, at.mesh)
    if network.config.labels != data.classes:
        raise ValueError(
            f"teacher {teacher.name}: {folder} tells pairs apart as "
            f"{network.config.labels}, here they are {data.classes}"
        )
    return network
