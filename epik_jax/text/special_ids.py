"""The ids that mean no text: padding, start, end, unknown, and the language tags.

All vocabularies begin with the same four; tags come after them, where each puts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
"""By id."""


def until(ids: Sequence[int], end: int) -> list[int]:
    """The ids before the first `end`; all of them where there is none."""
    cut = [int(i) for i in ids]
    return cut[: cut.index(end)] if end in cut else cut


def tag_of(tag_ids: Mapping[str, int], lang: str) -> int:
    """Id of the tag that asks for `lang`; ValueError where there is none."""
    if lang not in tag_ids:
        raise ValueError(f"no tag for {lang!r}, only for {tuple(tag_ids)}")
    return tag_ids[lang]
