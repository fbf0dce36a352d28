"""Word pairs, and the directed examples that follow from them.

A list of (native, Latin) pairs goes in; examples for both directions come out, either
one per pair (training) or one per source with every attested answer (evaluation). It
reads no file and normalises nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from epik_jax.structs import Example


@dataclasses.dataclass(frozen=True, slots=True)
class WordPair:
    """A native word and one of its romanisations, both normalised.

    Attributes:
      native: the word in its own script.
      latin: one way to write it in Latin letters.
      count: how many writers gave this romanisation.
      origin: the list that it came from.
      where: "file:line".
    """

    native: str
    latin: str
    count: int
    origin: str
    where: str


def example_id(source: str, source_lang: str, target_lang: str, pivot: str = "") -> str:
    """The name of an example: its content, so that it outlives any reordering."""
    name = f"{source_lang}>{target_lang}:{source}"
    return f"{name}|{pivot}" if pivot else name


def directed_examples(
    pairs: Sequence[WordPair], lang: str, *, by_writers: bool = False
) -> list[Example]:
    """Both directions of every pair, for training.

    Examples that share a source share an id: a teacher's signal is about the source.

    Args:
      pairs: word pairs of one language.
      lang: language of the native side.
      by_writers: a pair weighs by its share of the writers of its native word, times
        the romanisations of that word, so that a word weighs what it did; else all
        weigh 1.

    Returns:
      Two examples per pair, native to Latin first, each with one target.
    """
    weights = _writer_weights(pairs) if by_writers else [1.0] * len(pairs)
    out = []
    for pair, weight in zip(pairs, weights, strict=True):
        for source, source_lang, target, target_lang in (
            (pair.native, lang, pair.latin, "en"),
            (pair.latin, "en", pair.native, lang),
        ):
            name = example_id(source, source_lang, target_lang)
            langs = source_lang, target_lang
            out.append(
                Example(name, source, *langs, (target,), "", pair.origin, weight)
            )
    return out


def _writer_weights(pairs: Sequence[WordPair]) -> list[float]:
    counts: dict[str, list[int]] = {}
    for pair in pairs:
        counts.setdefault(pair.native, []).append(pair.count)
    mean = {native: sum(found) / len(found) for native, found in counts.items()}
    # A list may say of a word that nobody gave it: all its pairs weigh alike then.
    return [p.count / mean[p.native] if mean[p.native] else 1.0 for p in pairs]


def grouped_examples(pairs: Iterable[WordPair], lang: str) -> list[Example]:
    """One example per source and direction with every attested answer.

    Args:
      pairs: word pairs of one language.
      lang: language of the native side.

    Returns:
      Examples native to Latin, then Latin to native, each in order of first appearance;
      targets by falling count, then by order of appearance.
    """
    pairs = list(pairs)
    forward = ((p.native, p.latin, p.count, p.origin) for p in pairs)
    backward = ((p.latin, p.native, p.count, p.origin) for p in pairs)
    return _grouped(forward, lang, "en") + _grouped(backward, "en", lang)


def _grouped(
    rows: Iterable[tuple[str, str, int, str]], source_lang: str, target_lang: str
) -> list[Example]:
    answers: dict[str, dict[str, int]] = {}
    origins: dict[str, str] = {}
    for source, target, count, origin in rows:
        counts = answers.setdefault(source, {})
        counts[target] = counts.get(target, 0) + count
        origins.setdefault(source, origin)
    return [
        Example(
            example_id(source, source_lang, target_lang),
            source,
            source_lang,
            target_lang,
            tuple(sorted(counts, key=counts.__getitem__, reverse=True)),
            origin=origins[source],
        )
        for source, counts in answers.items()
    ]


def merged_examples(examples: Iterable[Example]) -> list[Example]:
    """Joins examples of one id into one that accepts the targets of all.

    Args:
      examples: any; `weight` and `origin` are taken from the first of each id.

    Returns:
      One example per id in order of first appearance, targets in order of appearance.
    """
    firsts: dict[str, Example] = {}
    targets: dict[str, dict[str, None]] = {}
    for example in examples:
        firsts.setdefault(example.example_id, example)
        targets.setdefault(example.example_id, {}).update(
            dict.fromkeys(example.targets)
        )
    return [
        dataclasses.replace(example, targets=tuple(targets[name]))
        for name, example in firsts.items()
    ]
