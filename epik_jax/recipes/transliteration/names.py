"""Direct names: which are for choosing, which are for reports.

The English form of a name decides, so that it is the same for all language pairs and in
all runs. No file is read here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from epik_jax.data.leak import leak_guard, native_words
from epik_jax.structs import Example

CHOOSING_SHARE = 5
"""One in this many keys of the parallel names is for choosing, the rest for reports."""


def name_key(example: Example) -> str:
    """The English form of a parallel name, on either side or as the pivot."""
    if example.source_lang == "en":
        return example.source
    return example.pivot or example.targets[0]


def for_choosing(key: str) -> bool:
    """Whether the name with this English form is for choosing."""
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % CHOOSING_SHARE == 0


def split_names(
    names: Sequence[Example],
) -> tuple[list[Example], list[Example]]:
    """Direct names for choosing, and those for reports.

    One native word may stand for two English names, one on either side of the split:
    it is then left to the reports alone.
    """
    reported = [e for e in names if not for_choosing(name_key(e))]
    choosing = [e for e in names if for_choosing(name_key(e))]
    choosing, _ = leak_guard(choosing, {"reported": native_words(reported)})
    return choosing, reported
