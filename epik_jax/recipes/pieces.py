"""The pieces of a run, learnt from its training text once and kept in its folder."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence

from epik_jax.bounds import within
from epik_jax.files import write_whole
from epik_jax.parallel import processes
from epik_jax.recipes.recipe import Workplace, digest
from epik_jax.text.wordpiece import WordPieces, load_wordpieces, train_wordpieces


@dataclasses.dataclass(frozen=True)
class PiecesConfig:
    """What a token is.

    Attributes:
      size: pieces at most, letters and special ones among them.
      lowercase: whether case and accents are thrown away.
    """

    size: int = 24000
    lowercase: bool = False

    def __post_init__(self) -> None:
        """Refuses a number that cannot be a vocabulary's."""
        within(self, 100, 1_000_000, "size")


def build_pieces(
    config: PiecesConfig, texts: Iterable[Sequence[str]], at: Workplace
) -> WordPieces:
    """The pieces of a run; learnt where they were not before.

    Args:
      config: how many.
      texts: what is trained on, each as its words.
      at: of the run; pieces lie in its folder, by what they were learnt from.

    Raises:
      ValueError: there are more letters than pieces; says how many.
    """
    # Sorted, so that the order of lists makes no difference.
    texts = sorted(map(tuple, texts))
    asked = {"texts": texts, **dataclasses.asdict(config)}
    path = at.folder / "vocabulary" / f"{digest(asked)[:16]}.json"
    if path.exists():
        try:
            return load_wordpieces(path)
        except ValueError as error:
            raise ValueError(
                f"{error}; delete it, and the same command learns it again"
            ) from error
    logging.info("pieces: %d at most, from %d texts", config.size, len(texts))
    try:
        pieces = train_wordpieces(texts, config.size, lowercase=config.lowercase)
    except ValueError as error:
        raise ValueError(f"pieces.size: {error}") from error
    path.parent.mkdir(exist_ok=True)
    processes.by_first("vocabulary is written", write_whole, path, pieces.content)
    return pieces
