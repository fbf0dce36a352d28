"""How near the student's encoder states are to the teacher's of the English form.

What a run has made goes in, cosines come out, by name. Next to the student's figure
stands the teacher's own where it reads the English that the chain wrote: a yardstick
and no bound, for a state between two spellings may be nearer to the right one than
either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from epik_jax.evaluation import fidelity
from epik_jax.recipes.transliteration.epik import Trained
from epik_jax.structs import Example
from epik_jax.teachers.forward import Network
from epik_jax.text.vocabulary import encode_sources


def similarities(
    trained: Trained, names: Sequence[Example], written: Mapping[str, str]
) -> dict[str, fidelity.Similarity]:
    """Student's encoder states beside the teacher's of the gold English form.

    A student with slots is pooled over those that its gate keeps. Slot by slot it is
    compared wherever the teacher has a state, as it is trained: what the gate makes of
    a slot is no matter of the state in it.

    Args:
      trained: with the networks.
      names: those with an English form count.
      written: name's id -> English that the chain wrote on its way.

    Returns:
      "pooled", "by position" or "by slot", and `fidelity.CHAIN_ENGLISH` where the chain
      wrote for every name; nothing where there are fewer than two English forms, or
      widths differ and no bridge was trained.
    """
    names = [e for e in names if e.pivot]
    gold = [e.pivot for e in names]
    langs = [e.target_lang for e in names]
    if len(set(gold)) < 2:
        return {}
    student_BLD, student_BL = _states_of(
        trained.student, [e.source for e in names], langs
    )
    teacher_BLD, teacher_BL = _states_of(trained.teacher, gold, langs)
    if bridge := trained.bridge.get("hidden"):
        student_BLD = student_BLD @ bridge["kernel"] + bridge["bias"]
    elif student_BLD.shape[-1] != teacher_BLD.shape[-1]:
        return {}
    teacher_BD = fidelity.mean_pooled(teacher_BLD, teacher_BL)

    def to_teacher(hidden_BLD: np.ndarray, real_BL: np.ndarray) -> fidelity.Similarity:
        mean_BD = fidelity.mean_pooled(hidden_BLD, real_BL)
        return fidelity.pooled_similarity(mean_BD, teacher_BD, gold, langs)

    slotted = bool(trained.student.config.num_slots)
    filled_BL = np.ones_like(student_BL) if slotted else student_BL
    found = {
        "pooled": to_teacher(student_BLD, student_BL),
        "by slot" if slotted else "by position": fidelity.positional_similarity(
            student_BLD, teacher_BLD, filled_BL, teacher_BL, gold
        ),
    }
    if all(e.example_id in written for e in names):
        english = [written[e.example_id] for e in names]
        read = _states_of(trained.teacher, english, langs)
        found[fidelity.CHAIN_ENGLISH] = to_teacher(*read)
    return found


def _states_of(
    network: Network, words: Sequence[str], langs: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Encoder states [B, L, D], and bool [B, L], true where the decoder reads them."""
    sources = encode_sources(network.vocabulary, words, langs)
    if network.config.num_slots:
        hidden_BLD, kept_BL = network.slots(sources)
        # Where its gate drops every slot the decoder is left to read all of them.
        return hidden_BLD, kept_BL | ~kept_BL.any(axis=1, keepdims=True)
    states = network.hidden(sources)
    return states.padded(np.arange(len(states)), int(states.lengths.max()), 0.0)
