"""How far a student resembles its teacher: encoder states, answers, who is right where.

Host arrays of encoder states and lists of predictions go in, figures and lists of
examples come out. A cosine similarity says little alone: encoder states share a common
direction, so each figure comes with what unrelated words reach.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from epik_jax.evaluation.metrics import Prediction, WordScores, word_scores
from epik_jax.evaluation.turns import taking_turns

_TIE = 1e-6  # Cosines nearer than this count as equal: float32 rounding, no more.

CHAIN_ENGLISH = "pooled, chain's English"
"""The row in which the teacher stands in the student's place."""

DEFINITIONS = {
    "matched": "Cosine similarity of student and teacher encoder on the same word.",
    "mismatched": "The same on words of different English forms: what sharing no word "
    "at all reaches.",
    "centred": "Matched, after each side's mean vector is taken away.",
    "retrieval": "Share of words whose own teacher vector is the nearest among the "
    "candidates, in which no English form is asked for one language twice; ties are "
    "shared out.",
    CHAIN_ENGLISH: "In the student's place the teacher, on the English that the chain "
    "wrote: what is reached with the chain's own mistakes.",
}


@dataclasses.dataclass(frozen=True)
class Similarity:
    """Cosine similarities of student and teacher vectors.

    Attributes:
      matched: mean over vectors that belong together.
      mismatched: mean over vectors of different words, whatever language is asked for.
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
    words: Sequence[str],
    langs: Sequence[str],
    *,
    num_candidates: int = 256,
    seed: int = 0,
) -> Similarity:
    """Compares pooled vectors of the same words.

    The mismatched figure is the mean over all rows of different words. The teacher has
    one vector for all rows of one word and language, none of which could be told from
    the others: retrieval takes one of them, drawn by lot.

    Args:
      student_BD: a vector a row, already projected to the teacher's width.
      teacher_BD: the teacher's vectors of the same rows.
      words: B words as the teacher read them.
      langs: B languages asked for.
      num_candidates: pool of the retrieval figure; fewer where there are fewer vectors.
      seed: which words share a pool.

    Raises:
      ValueError: unequal shapes, or fewer than two words.
    """
    _demand_same_shape(student_BD, teacher_BD)
    _demand_two_words(words)
    student, teacher = _unit(student_BD), _unit(teacher_BD)
    order = _one_of_each(zip(words, langs, strict=True), seed)
    pool = min(num_candidates, len(order))
    return Similarity(
        matched=float((student * teacher).sum(1).mean()),
        mismatched=_between_words(student, teacher, words),
        centred=_centred(student_BD, teacher_BD),
        retrieval=_retrieval(student[order], teacher[order], pool),
        num_candidates=pool,
        num_vectors=len(student),
    )


def positional_similarity(
    student_BLD: np.ndarray,
    teacher_BLD: np.ndarray,
    student_mask_BL: np.ndarray,
    teacher_mask_BL: np.ndarray,
    words: Sequence[str],
    *,
    seed: int = 0,
) -> Similarity:
    """Compares position j of the student with position j of the teacher.

    Only positions that are real on both sides count: the words of the two may differ
    in length. The mismatched figure takes the same position of another row, drawn by
    lot; rows that are handed one of their own word do not count in it.

    Args:
      student_BLD: encoder states, already projected to the teacher's width.
      teacher_BLD: the teacher's states of the same words; its L may differ.
      student_mask_BL: bool, true where the student's states are real.
      teacher_mask_BL: bool, true where the teacher's states are real.
      words: B words as the teacher read them.
      seed: of the lot.

    Raises:
      ValueError: unequal rows or widths, fewer than two words, or no common position.
    """
    length = min(student_BLD.shape[1], teacher_BLD.shape[1])
    student, teacher = student_BLD[:, :length], teacher_BLD[:, :length]
    student_mask = student_mask_BL[:, :length]
    teacher_mask = teacher_mask_BL[:, :length]
    _demand_same_shape(student, teacher)
    _demand_two_words(words)
    rows, others = _of_other_words(words, seed)
    both = student_mask & teacher_mask
    crossed = student_mask[rows] & teacher_mask[others]
    if not both.any() or not crossed.any():
        raise ValueError("student and teacher share no real position")
    mine, theirs = student[both], teacher[both]
    apart = _unit(student[rows][crossed]) * _unit(teacher[others][crossed])
    return Similarity(
        matched=float((_unit(mine) * _unit(theirs)).sum(1).mean()),
        mismatched=float(apart.sum(1).mean()),
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

    Language pairs take turns; inside a pair the loser's worst words come first.
    """
    rows = np.flatnonzero(winner.exact & ~loser.exact)
    worst_first = rows[np.argsort(-loser.edits[rows], kind="stable")]
    return taking_turns(worst_first, loser.pairs)[:limit]


def _unit(vectors: np.ndarray) -> np.ndarray:
    wide = np.asarray(vectors, np.float64)
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    return wide / np.maximum(norms, 1e-12)


def _centred(student: np.ndarray, teacher: np.ndarray) -> float:
    mine = _unit(np.asarray(student, np.float64) - student.mean(0, dtype=np.float64))
    theirs = _unit(np.asarray(teacher, np.float64) - teacher.mean(0, dtype=np.float64))
    return float((mine * theirs).sum(1).mean())


def _between_words(
    student: np.ndarray, teacher: np.ndarray, words: Sequence[str]
) -> float:
    """The mean over all pairs of rows of different words."""
    _, word, counts = np.unique(words, return_inverse=True, return_counts=True)
    mine, theirs = (np.zeros((len(counts), student.shape[1])) for _ in range(2))
    np.add.at(mine, word, student)
    np.add.at(theirs, word, teacher)
    everything = student.sum(0) @ teacher.sum(0)
    num_pairs = len(student) ** 2 - (counts**2).sum()
    return float((everything - (mine * theirs).sum()) / num_pairs)


def _of_other_words(words: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and for each a row of another word: int64 [at most B] both."""
    order = np.random.default_rng(seed).permutation(len(words))
    # A single ring through all rows passes from word to word wherever there are two.
    after, labels = np.roll(order, 1), np.asarray(words)
    differ = labels[order] != labels[after]
    return order[differ], after[differ]


def _one_of_each(labels: Iterable[tuple[str, str]], seed: int) -> np.ndarray:
    """One row of each label, in an order as good as random."""
    named = list(labels)
    order = np.random.default_rng(seed).permutation(len(named))
    return np.array(list({named[row]: row for row in order}.values()), np.int64)


def _retrieval(student: np.ndarray, teacher: np.ndarray, pool: int) -> float:
    shares = []
    for start in range(0, len(student), pool):
        rows = slice(start, start + pool)
        # The last words choose among as many as all others do.
        first = min(start, len(student) - pool)
        cosines = student[rows] @ teacher[first : first + pool].T
        own = (student[rows] * teacher[rows]).sum(1)
        best = cosines.max(1)
        # A collapsed encoder ties everywhere; it must not count as always right.
        tied = (cosines >= best[:, None] - _TIE).sum(1)
        shares.append(np.where(own >= best - _TIE, 1.0 / tied, 0.0))
    return float(np.concatenate(shares).mean())


def _demand_two_words(words: Sequence[str]) -> None:
    if (found := len(set(words))) < 2:
        raise ValueError(f"mismatched pairs need two words, got {found}")


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
