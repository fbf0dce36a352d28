"""A chain of toys as a teacher, words to ask it, and how to read its answers."""

from __future__ import annotations

import numpy as np
from toy_networks import VOCABULARY, ToyNetwork

from epik_jax.structs import Example
from epik_jax.teachers.advice import CrowdConfig
from epik_jax.teachers.chain import Chain, Link
from epik_jax.teachers.forward import Decoding
from epik_jax.teachers.signals import TransliterationTeacher, Wanted

EXAMPLES = [
    Example(f"{s}>{t}", word, s, t)
    for word, s, t in [("कमल", "hi", "kn"), ("பால்", "ta", "bn"), ("ರಾಮ", "kn", "hi")]
]
ALL = Wanted(3, log_probs=True, hidden="all")


def teacher(wanted=ALL, crowd=CrowdConfig(), num_pivots=1):  # noqa: B008
    wide = Decoding(beam_width=3, num_hypotheses=3)
    handed = Decoding(beam_width=num_pivots, num_hypotheses=num_pivots)
    links = Link(ToyNetwork("1"), "en", handed), Link(ToyNetwork("2"), None, wide)
    return TransliterationTeacher(Chain(links), VOCABULARY, crowd, wanted)


def texts(block):
    """Every example's spellings, in the order of the arrays."""
    rows = []
    for i in range(len(block)):
        cuts = np.cumsum(block.arrays["token_lengths"].row(i))
        parts = np.split(block.arrays["tokens"].row(i), cuts)[:-1]
        rows.append([VOCABULARY.decode(part.tolist()) for part in parts])
    return rows


ROMANISATIONS = {
    ("hi", "कमल"): (("kamal", 3), ("kamala", 1)),
    ("hi", "बल"): (("bal", 1),),
    ("ta", "கமல்"): (("kamal", 2),),
    ("kn", "ಬಲ"): (("bala", 2), ("bal", 1)),
    ("bn", "কমল"): (("komol", 1),),
}
