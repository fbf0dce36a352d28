"""What a student of pairs begins as: a teacher's lowest blocks, a student, or nothing.

Settings and teachers go in; pieces and parameters that are taken over come out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epik_jax.interop.model_folder import load_scorer
from epik_jax.models.scorer_config import EncoderScorerConfig
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.opened import opened
from epik_jax.recipes.scoring.student_config import PairStudentConfig
from epik_jax.recipes.scoring.teaching import Start
from epik_jax.structs import Params
from epik_jax.teachers.scoring import ScoringNetwork
from epik_jax.text.wordpiece import WordPieces

_SHAPES = ("width", "num_heads", "feed_forward", "max_length")


def student_start(
    config: PairStudentConfig, teacher: ScoringNetwork, pieces: WordPieces | None
) -> Start:
    """What a student begins as.

    Args:
      config: its settings.
      teacher: whose blocks are taken where it begins as one.
      pieces: of the run, for one that begins as nothing; else None.

    Raises:
      FileNotFoundError: there is no model folder.
      ValueError: sizes do not fit; says which.
    """
    if config.start_folder:
        return _of_folder(config)
    if config.start == "teacher":
        params = {
            "student": lowest_blocks(teacher, config.encoder, matches=config.matches)
        }
        return Start(teacher.pieces, params)
    assert pieces is not None
    return Start(pieces, {})


def lowest_blocks(
    teacher: ScoringNetwork, model: EncoderConfig, *, matches: bool
) -> dict[str, Any]:
    """A teacher's encoder up to the number of blocks asked for, and its pooler.

    Args:
      teacher: whose.
      model: of the student.
      matches: whether the student marks pieces that stand in both texts.

    Raises:
      ValueError: it has fewer blocks, or blocks of another size.
    """
    theirs = teacher.config
    if not isinstance(theirs, EncoderScorerConfig):
        raise ValueError(
            "student.start is 'teacher', and the teacher is no encoder: set it to "
            "'random'"
        )
    _demand_sizes(theirs, model, matches)
    transformer = dict(teacher.params["transformer"])
    transformer["encoder"] = {
        name: block
        for name, block in transformer["encoder"].items()
        if not name.startswith("block_") or int(name[-2:]) < model.layers
    }
    found = {"transformer": transformer}
    if "pooler" in teacher.params:
        found["pooler"] = teacher.params["pooler"]
    return found


def _demand_sizes(
    theirs: EncoderScorerConfig, model: EncoderConfig, matches: bool
) -> None:
    if theirs.matches != matches:
        raise ValueError(
            f"student.matches is {matches}, and of the network that it begins as "
            f"{theirs.matches}: make them equal"
        )
    mine = model.sized(theirs.vocab_size)
    for name in _SHAPES:
        if getattr(mine, name) != getattr(theirs.encoder, name):
            raise ValueError(
                f"student.encoder.{name} is {getattr(mine, name)}, and the teacher "
                f"that it begins as has {getattr(theirs.encoder, name)}: make them "
                "equal, or set student.start to 'random'"
            )
    if model.layers > theirs.encoder.encoder_layers:
        raise ValueError(
            f"student.encoder.layers is {model.layers}, and the teacher that it begins "
            f"as has {theirs.encoder.encoder_layers} blocks"
        )


def _of_folder(config: PairStudentConfig) -> Start:
    """A student that was taught before, without its headers."""
    folder = Path(config.start_folder)
    model = opened(folder, load_scorer)
    mine = config.sized(model.config.vocab_size, model.config.labels, 1)
    params: Params = {k: v for k, v in model.params.items() if k != "headers"}
    same = type(mine) is type(model.config)
    if not same or mine.max_length != model.config.max_length:
        raise ValueError(
            f"student.start_folder {folder}: it is of another kind or max_length than "
            "student.kind and its sizes say"
        )
    if isinstance(model.config, EncoderScorerConfig):
        _demand_sizes(model.config, config.encoder, config.matches)
    return Start(model.vocabulary, {"student": params})
