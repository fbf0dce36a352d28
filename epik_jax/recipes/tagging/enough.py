"""Whether there are sentences enough for what is wanted, before hours of training.

Settings and sentences go in; nothing comes out but a refusal.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from epik_jax.data.draw import held_out
from epik_jax.recipes.tagging.corpus import TaggedCorpus
from epik_jax.recipes.tagging.strategies import BY_LANGUAGE
from epik_jax.recipes.tagging.student import TaggingStudentConfig
from epik_jax.recipes.tagging.teacher_config import TeacherConfig


def demand_enough(
    teacher: TeacherConfig | None, student: TaggingStudentConfig, corpus: TaggedCorpus
) -> None:
    """Refuses batches that are larger than what there is, and too many held out.

    Args:
      teacher: to be trained; None for one that is given.
      student: to be taught.
      corpus: sentences.

    Raises:
      ValueError: there are too few; says of what, and whose setting wants more.
    """
    num_tagged = len(corpus.train)
    num_sentences = num_tagged + len(corpus.unlabelled)
    there = {"tagging": num_tagged, "masked": num_sentences}
    for name, leg in teacher.legs.items() if teacher else ():
        _demand_batch(f"teacher.{name}", leg.batches.batch_size, there[name])
    if student.strategy in BY_LANGUAGE:
        _demand_languages(student, corpus)
        return
    count = student.num_held_out if student.holds_out else 0
    if count >= num_sentences:
        raise ValueError(
            f"student.num_held_out is {count}, and there are {num_sentences} sentences "
            "in all"
        )
    apart = held_out([*corpus.train, *corpus.unlabelled], count)
    num_left = int(np.count_nonzero(~apart[:num_tagged]))
    _demand_batch("student", student.batches.batch_size, num_left)


def _demand_languages(student: TaggingStudentConfig, corpus: TaggedCorpus) -> None:
    """A student a language wants sentences in each that it is asked about."""
    tagged = Counter(s.lang for s in corpus.train)
    others = {s.lang for found in corpus.test.values() for s in found}
    for lang in sorted({*tagged, *(s.lang for s in corpus.unlabelled), *others}):
        whose = f"student of language {lang!r}"
        _demand_batch(whose, student.batches.batch_size, tagged[lang])


def _demand_batch(whose: str, batch_size: int, there: int) -> None:
    if batch_size > there:
        raise ValueError(
            f"{whose}: batch_size is {batch_size}, and there are {max(there, 0)} "
            "tagged sentences to learn from"
        )
