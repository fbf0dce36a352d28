"""What a student of pairs begins as: lowest blocks, a student that was, or nothing.

Settings and teachers go in; pieces, sizes and parameters that are taken over come out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epik_jax.interop.model_folder import load_scorer
from epik_jax.models.config import TransformerConfig
from epik_jax.models.scorer_config import EncoderScorerConfig, ScorerConfig
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.opened import opened
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.scoring.bert_scorer import read_bert
from epik_jax.recipes.scoring.corpus import PairCorpus
from epik_jax.recipes.scoring.crowd import Member
from epik_jax.recipes.scoring.drawn import drawn_encoder
from epik_jax.recipes.scoring.sizes import sized_encoder
from epik_jax.recipes.scoring.student_config import PairStudentConfig
from epik_jax.structs import Params
from epik_jax.text.wordpiece import WordPieces

_SHAPES = ("width", "num_heads", "feed_forward", "max_length", "norm")


@dataclasses.dataclass(frozen=True)
class Start:
    """What a student begins as.

    Attributes:
      pieces: that it reads.
      params: below "student", those that are taken over; the others are drawn.
      encoder: sizes of the encoder whose parameters these are; None where the student's
        settings say all of them.
    """

    pieces: WordPieces
    params: Params = dataclasses.field(default_factory=dict)
    encoder: TransformerConfig | None = None


def student_start(
    config: PairStudentConfig,
    teacher: Member,
    corpus: PairCorpus,
    labels: tuple[str, ...],
    pieces: WordPieces | None,
    at: Workplace,
) -> Start:
    """What a student begins as.

    Args:
      config: its settings.
      teacher: whose blocks are taken where it begins as one.
      corpus: whose pairs' hidden pieces are guessed, where that comes first.
      labels: classes.
      pieces: of the run, for one that begins as nothing; else None.
      at: where.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: sizes do not fit; says which.
    """
    if config.general_folder:
        return _taught_before(config)
    if config.start == "folder":
        return _begun_as_bert(config, labels)
    if config.start == "random":
        assert pieces is not None
        if config.kind != "encoder":
            return Start(pieces)
        sizes = sized_encoder(config.encoder, pieces.size, matches=config.matches)
        model = EncoderScorerConfig(sizes, labels, matches=config.matches)
        texts = [*corpus.train, *corpus.general]
        how = (config.masked, config.offsets, texts, pieces, config.seed, at)
        return Start(pieces, {"student": drawn_encoder(model, *how)})
    theirs = _encoder_of(teacher.name, teacher.network.config, config)
    params = teacher.network.params
    if config.start == "encoder":
        if teacher.encoder is None:
            raise ValueError(
                f"student.start is 'encoder', and nothing is known of teacher "
                f"{teacher.name} before it learnt labels: set it to 'teacher'"
            )
        params = teacher.encoder
    return lowest_blocks(theirs, params, teacher.network.pieces, config)


def demand_start(
    config: PairStudentConfig,
    labels: tuple[str, ...],
    teachers: Mapping[str, ScorerConfig],
) -> None:
    """Notices before anything is trained that a student cannot begin as a folder.

    Args:
      config: its settings.
      labels: classes.
      teachers: networks of those that have a folder, by name.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: it holds another kind of model, or sizes do not fit.
    """
    if config.general_folder:
        _taught_before(config)
    elif config.start == "folder":
        _begun_as_bert(config, labels)
    elif config.start in ("teacher", "encoder"):
        for name, theirs in teachers.items():
            if name == (config.teacher or name):
                _demand_fitting(_encoder_of(name, theirs, config), config)


def demand_matches(mine: bool, theirs: bool) -> None:
    """Refuses a student that marks equal pieces where its beginning does not."""
    if mine != theirs:
        raise ValueError(
            f"student.matches is {mine}, and of the network that it begins as "
            f"{theirs}: make them equal"
        )


def lowest_blocks(
    theirs: EncoderScorerConfig,
    params: Params,
    pieces: WordPieces,
    config: PairStudentConfig,
) -> Start:
    """An encoder up to the number of blocks asked for, and the pooler if there is one.

    Args:
      theirs: sizes of the network that blocks are taken from.
      params: its parameters, "transformer" among them.
      pieces: that it reads.
      config: settings of the student.

    Raises:
      ValueError: it has fewer blocks, or blocks of another size.
    """
    _demand_fitting(theirs, config)
    mine = config.encoder
    transformer = dict(params["transformer"])
    transformer["encoder"] = {
        name: block
        for name, block in transformer["encoder"].items()
        if not name.startswith("block_") or int(name[-2:]) < mine.layers
    }
    found: dict[str, Any] = {"transformer": transformer}
    if "pooler" in params:
        found["pooler"] = params["pooler"]
    encoder = dataclasses.replace(
        theirs.encoder,
        encoder_layers=mine.layers,
        dropout=mine.dropout,
        matmul_dtype=mine.matmul_dtype,
    )
    return Start(pieces, {"student": found}, encoder)


def demand_blocks(
    mine: EncoderConfig, theirs: TransformerConfig, sizes: tuple[str, ...] = _SHAPES
) -> None:
    """Refuses a student whose blocks are not those of the network it begins as.

    Args:
      mine: settings of the student.
      theirs: of that network.
      sizes: settings that have to be equal.

    Raises:
      ValueError: says which setting differs.
    """
    for name in sizes:
        if getattr(mine, name) != getattr(theirs, name):
            raise ValueError(
                f"student.encoder.{name} is {getattr(mine, name)}, and the teacher "
                f"that it begins as has {getattr(theirs, name)}: make them equal, or "
                "set student.start to 'random'"
            )
    if mine.layers > theirs.encoder_layers:
        raise ValueError(
            f"student.encoder.layers is {mine.layers}, and the teacher that it begins "
            f"as has {theirs.encoder_layers} blocks"
        )


def _encoder_of(
    name: str, theirs: ScorerConfig, config: PairStudentConfig
) -> EncoderScorerConfig:
    """The network of a teacher that a student begins as."""
    if not isinstance(theirs, EncoderScorerConfig):
        raise ValueError(
            f"student.start is {config.start!r}, and teacher {name} is no encoder: "
            "set it to 'random'"
        )
    return theirs


def _demand_fitting(theirs: EncoderScorerConfig, config: PairStudentConfig) -> None:
    """Refuses a network whose blocks are not those of the student."""
    demand_matches(config.matches, theirs.matches)
    # A BERT's folder says its sizes itself.
    sizes = () if config.start == "folder" else _SHAPES
    demand_blocks(config.encoder, theirs.encoder, sizes)


def _begun_as_bert(config: PairStudentConfig, labels: tuple[str, ...]) -> Start:
    bert = read_bert(Path(config.start_folder), config.encoder, labels)
    return lowest_blocks(bert.config, bert.params, bert.pieces, config)


def _taught_before(config: PairStudentConfig) -> Start:
    """A student that has heard teachers on general pairs, without its headers."""
    folder = Path(config.general_folder)
    model = opened(folder, load_scorer)
    there = model.config
    params: Params = {k: v for k, v in model.params.items() if k != "headers"}
    if isinstance(there, EncoderScorerConfig):
        fits = config.kind == "encoder"
    else:
        mine, names = config.bilstm, ("embedding", "hidden", "max_length")
        same = [getattr(mine, name) == getattr(there, name) for name in names]
        fits = config.kind == "bilstm" and all(same)
    if not fits:
        raise ValueError(
            f"student.general_folder {folder}: it is of another kind or of other sizes "
            "than student.kind and its sizes say"
        )
    if not isinstance(there, EncoderScorerConfig):
        return Start(model.vocabulary, {"student": params})
    return lowest_blocks(there, params, model.vocabulary, config)
