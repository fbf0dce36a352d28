"""Which words are hard or easy together, so that a bootstrap draws them together.

Examples go in, a label each comes out. Rows of one name are one cluster, whatever
languages it is asked in. A word list without names asks one native word under several
English spellings: rows that share a form of either side are one cluster there.
"""

from __future__ import annotations

from collections.abc import Sequence

from epik_jax.structs import Example

DEFINITION = (
    "what is drawn anew: whole names, with all language pairs that they are asked in; "
    "of word lists, words that share a spelling of either side"
)


def clusters(examples: Sequence[Example]) -> list[str]:
    """Labels, equal for rows that are not independent of each other.

    Rows between Indic languages are labelled by their English form, or by their source
    where it is not known.
    """
    parents: dict[str, str] = {}
    firsts = []
    for example in examples:
        first, *others = _forms(example)
        firsts.append(first)
        for form in others:
            parents[_root(form, parents)] = _root(first, parents)
    return [_root(first, parents) for first in firsts]


def _forms(example: Example) -> tuple[str, ...]:
    """What ties a row to others; no two of the scripts have a word in common."""
    if "en" in example.langs:
        return example.source, *example.targets
    return (example.pivot or example.source,)


def _root(form: str, parents: dict[str, str]) -> str:
    """The form that stands for all that are tied to this one."""
    while (parent := parents.setdefault(form, form)) != form:
        # The way is halved, or a long chain of forms would be walked again and again.
        parents[form] = parents[parent]
        form = parent
    return form
