"""How far a student resembles its teacher: encoder states, answers, who is right where.

Host arrays of encoder states and lists of predictions go in, figures and lists of
examples come out. A cosine similarity says little alone: encoder states share a common
direction, so each figure comes with what unrelated words reach.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from epik_jax.evaluation.metrics import Prediction, WordScores, word_scores

_TIE = 1e-6  # Cosines nearer than this count as equal: float32 rounding, no more.

DEFINITIONS = {
    "matched": "Cosine similarity of student and teacher encoder on the same word.",
    "mismatched": "The same on different words: what sharing no word at all reaches.",
    "centred": "Matched, after each side's mean vector is taken away.",
    "retrieval": "Share of words whose own teacher vector is the nearest among the "
    "candidates; ties are shared out.",
}


@dataclasses.dataclass(frozen=True)
class Similarity:
    """Cosine similarities of student and teacher vectors.

    Attributes:
      matched: mean over vectors that belong together.
      mismatched: mean over vectors of different words.
      centred: matched, after each side's mean vector is taken away.
      retrieval: share of words that find their teacher vector, or None where it was
        not asked.
      num_candidates: how many vectors a word had to choose from, or None.
      num_vectors: vectors behind `matched`.
    """

    matched: float
    mismatched: float
    centred: float
    retrieval: float | None
    num_candidates: int | None
    num_vectors: int


def mean_pooled(hidden_BLD: np.ndarray, mask_BL: np.ndarray) -> np.ndarray:
    """The mean over real positions of each row, float32 [B, D].

    Raises:
      ValueError: a row has no real position.
    """
    counts = mask_BL.sum(1)
    if not counts.all():
        raise ValueError(f"row {int(np.argmin(counts))} has no real position")
    # Padding may hold anything, NaN included, so it is replaced and not scaled away.
    kept = np.where(mask_BL[:, :, None], np.asarray(hidden_BLD, np.float32), 0.0)
    return kept.sum(1) / counts[:, None].astype(np.float32)


def pooled_similarity(
    student_BD: np.ndarray,
    teacher_BD: np.ndarray,
    *,
    num_candidates: int = 256,
    seed: int = 0,
) -> Similarity:
    """Compares pooled vectors of the same words.

    Args:
      student_BD: one vector per word, already projected to the teacher's width.
      teacher_BD: the teacher's vectors, row by row of the same words.
      num_candidates: pool of the retrieval figure; fewer where there are fewer words.
      seed: which words share a pool.

    Raises:
      ValueError: unequal shapes, or fewer than two words.
    """
    _demand_same_shape(student_BD, teacher_BD)
    num_rows = len(student_BD)
    if num_rows < 2:
        raise ValueError(f"mismatched pairs need two words, got {num_rows}")
    student, teacher = _unit(student_BD), _unit(teacher_BD)
    matched = (student * teacher).sum(1)
    everything = float(student.sum(0) @ teacher.sum(0))
    mismatched = (everything - matched.sum()) / (num_rows * (num_rows - 1))
    pool = min(num_candidates, num_rows)
    return Similarity(
        matched=float(matched.mean()),
        mismatched=float(mismatched),
        centred=_centred(student_BD, teacher_BD),
        retrieval=_retrieval(student, teacher, pool, seed),
        num_candidates=pool,
        num_vectors=num_rows,
    )


def positional_similarity(
    student_BLD: np.ndarray,
    teacher_BLD: np.ndarray,
    student_mask_BL: np.ndarray,
    teacher_mask_BL: np.ndarray,
) -> Similarity:
    """Compares position j of the student with position j of the teacher.

    Only positions that are real on both sides count: the words of the two may differ
    in length. The mismatched figure takes the teacher's next word, same position.

    Args:
      student_BLD: encoder states, already projected to the teacher's width.
      teacher_BLD: the teacher's states of the same words; its L may differ.
      student_mask_BL: bool, true where the student's states are real.
      teacher_mask_BL: bool, true where the teacher's states are real.

    Raises:
      ValueError: unequal rows or widths, fewer than two words, or no common position.
    """
    length = min(student_BLD.shape[1], teacher_BLD.shape[1])
    student, teacher = student_BLD[:, :length], teacher_BLD[:, :length]
    student_mask = student_mask_BL[:, :length]
    teacher_mask = teacher_mask_BL[:, :length]
    _demand_same_shape(student, teacher)
    if len(student) < 2:
        raise ValueError(f"mismatched pairs need two words, got {len(student)}")
    both = student_mask & teacher_mask
    crossed = student_mask & np.roll(teacher_mask, 1, axis=0)
    if not both.any() or not crossed.any():
        raise ValueError("student and teacher share no real position")
    mine, theirs = student[both], teacher[both]
    others = np.roll(teacher, 1, axis=0)[crossed]
    return Similarity(
        matched=float((_unit(mine) * _unit(theirs)).sum(1).mean()),
        mismatched=float((_unit(student[crossed]) * _unit(others)).sum(1).mean()),
        centred=_centred(mine, theirs),
        retrieval=None,
        num_candidates=None,
        num_vectors=len(mine),
    )


def against_teacher(
    student: Sequence[Prediction], teacher: Sequence[Prediction]
) -> WordScores:
    """Scores the student with the teacher's first answer as the only reference.

    `exact` is then the agreement with the teacher, and the character error rate is
    measured to the teacher's spelling. Gold answers play no part. Words for which the
    teacher had no answer are left out.

    Raises:
      ValueError: the two lists are not about the same examples.
    """
    _demand_same_examples(student, teacher)
    return word_scores(
        [
            (dataclasses.replace(example, targets=(answers[0].text,)), given)
            for (example, given), (_, answers) in zip(student, teacher, strict=True)
            if answers and answers[0].text
        ]
    )


def outcomes(first: WordScores, second: WordScores) -> dict[str, int]:
    """How many words both, one or neither of two systems have right.

    Raises:
      ValueError: the scores are not about the same examples.
    """
    if first.example_ids != second.example_ids:
        raise ValueError("the two systems were scored on different examples")
    return {
        "both": int((first.exact & second.exact).sum()),
        "first_only": int((first.exact & ~second.exact).sum()),
        "second_only": int((~first.exact & second.exact).sum()),
        "neither": int((~first.exact & ~second.exact).sum()),
    }


def rows_right_only(
    winner: WordScores, loser: WordScores, *, limit: int = 60
) -> np.ndarray:
    """Rows that `winner` has right and `loser` has wrong, int64 [at most `limit`].

    Language pairs take turns, so that a long list of one pair hides no other; inside a
    pair the loser's worst words come first.
    """
    rows = np.flatnonzero(winner.exact & ~loser.exact)
    worst_first = rows[np.argsort(-loser.edits[rows], kind="stable")]
    pairs = loser.pairs[worst_first]
    turn = np.zeros(len(rows), np.int64)
    for pair in np.unique(pairs):
        turn[pairs == pair] = np.arange(int((pairs == pair).sum()))
    return worst_first[np.lexsort((pairs, turn))][:limit]


def _unit(vectors: np.ndarray) -> np.ndarray:
    wide = np.asarray(vectors, np.float64)
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    return wide / np.maximum(norms, 1e-12)


def _centred(student: np.ndarray, teacher: np.ndarray) -> float:
    mine = _unit(np.asarray(student, np.float64) - student.mean(0, dtype=np.float64))
    theirs = _unit(np.asarray(teacher, np.float64) - teacher.mean(0, dtype=np.float64))
    return float((mine * theirs).sum(1).mean())


def _retrieval(student: np.ndarray, teacher: np.ndarray, pool: int, seed: int) -> float:
    order = np.random.default_rng(seed).permutation(len(student))
    shares = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        # The last words choose among as many as all others do.
        first = min(start, len(order) - pool)
        cosines = student[rows] @ teacher[order[first : first + pool]].T
        own = (student[rows] * teacher[rows]).sum(1)
        best = cosines.max(1)
        # A collapsed encoder ties everywhere; it must not count as always right.
        tied = (cosines >= best[:, None] - _TIE).sum(1)
        shares.append(np.where(own >= best - _TIE, 1.0 / tied, 0.0))
    return float(np.concatenate(shares).mean())


def _demand_same_shape(student: np.ndarray, teacher: np.ndarray) -> None:
    if student.shape != teacher.shape:
        raise ValueError(
            f"student states {student.shape} do not fit teacher states "
            f"{teacher.shape}; project them to the teacher's width first"
        )


def _demand_same_examples(
    student: Sequence[Prediction], teacher: Sequence[Prediction]
) -> None:
    mine = [example.example_id for example, _ in student]
    theirs = [example.example_id for example, _ in teacher]
    if mine != theirs:
        raise ValueError(
            f"student ({len(mine)}) and teacher ({len(theirs)}) predictions are not "
            "about the same examples in the same order"
        )
