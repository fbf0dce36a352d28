"""A crowd of two small scorers, a student of theirs, and a few made-up questions."""

from __future__ import annotations

import dataclasses

import toy_pairs

from epik_jax.data.general_pairs import GeneralPairsConfig
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.pieces import PiecesConfig
from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.recipes.scoring.corpus import PairDataConfig, read_pair_corpus
from epik_jax.recipes.scoring.crowd_config import CrowdConfig, TeacherConfig
from epik_jax.recipes.scoring.student_config import PairStudentConfig
from epik_jax.recipes.scoring.tmkd import TmkdConfig
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

WIDTH = 40
DATA = PairDataConfig(
    num_questions=5, general=GeneralPairsConfig(num_found=1, num_drawn=1)
)
CORPUS = read_pair_corpus(DATA)
SIZES = EncoderConfig(8, 2, 16, 2, WIDTH, dropout=0.0, matmul_dtype="float32")


def leg(num_steps=2, **changes):
    """Two steps of four pairs."""
    loop = LoopConfig(num_steps, log_every=1, save_every=2, **changes)
    return LegConfig(RowBatchConfig(4, (WIDTH,)), OptimizerConfig(warmup_steps=1), loop)


def teacher(name, **changes):
    """A teacher that is drawn and learns labels alone."""
    return TeacherConfig(name, SIZES, leg(), **changes)


CROWD = CrowdConfig((teacher("one"), teacher("other", seed=1)), num_validated=5)
STUDENT = PairStudentConfig(
    dataclasses.replace(SIZES, layers=1), leg(), general=leg(), num_validated=5
)
RECIPE = TmkdConfig(CROWD, STUDENT, PiecesConfig(300), num_shards=1)
LABELS = toy_pairs.LABELS
