"""Asks a teacher about examples, once, and keeps what it said.

A teacher, examples and the parts of a fingerprint go in, an open cache comes out. It
knows nothing of what a teacher says, so that any kind of teacher can be cached.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from epik_jax.parallel import processes
from epik_jax.ragged import Ragged
from epik_jax.structs import Example, Sentence, TextPair
from epik_jax.teacher_cache.manifest import FILE_NAME, read_manifest
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teacher_cache.schema import Block, Schema
from epik_jax.teacher_cache.tfrecord import CorruptShardError
from epik_jax.teacher_cache.writer import BLOCK_SIZE, predicted_bytes, write_cache

_ASKED_TOGETHER = 4096
_FEW = 64
_SECONDS_BETWEEN_LINES = 20.0


ExampleT = TypeVar("ExampleT", Example, Sentence, TextPair)
AskedT = TypeVar("AskedT", Example, Sentence, TextPair, contravariant=True)


class Answering(Protocol[AskedT]):
    """Something that answers examples with arrays of one schema."""

    @property
    def schema(self) -> Schema:
        """Fields of an answer."""
        ...

    def block(self, examples: Sequence[AskedT]) -> Block:
        """Answers to some examples."""
        ...


def fill_cache(
    folder: Path,
    teacher: Answering[ExampleT],
    examples: Sequence[ExampleT],
    fingerprint: dict[str, str],
    num_shards: int,
    check_stop: Callable[[], None],
) -> TeacherCache:
    """Asks the teacher about all examples, or opens the cache that already has them.

    Args:
      folder: of the cache.
      teacher: what is asked.
      examples: about what.
      fingerprint: part -> digest, of all that the answers depend on.
      num_shards: files.
      check_stop: raises where a stop was asked for; called between blocks.

    Raises:
      ValueError: the folder holds a cache of something else; names what differs.
      CorruptShardError: a finished cache was damaged since; says which file.
      OSError: the cache does not fit the disk.
    """
    sealed = _is_sealed(folder)
    processes.demand_same(folder.name, {**fingerprint, "finished": sealed})
    if sealed:
        return _opened(folder, fingerprint)
    few = teacher.block(few_of(examples))
    lengths = _mean_lengths(teacher.schema, few)
    size = predicted_bytes(teacher.schema, len(examples), lengths)
    logging.info(
        "%s: %d examples, about %.0f MB expected", folder, len(examples), size / 1e6
    )
    for name, error in rounding_errors(teacher.schema, few).items():
        logging.info(
            "%s: %s in int8 are off by %.2f %% of their size (root mean square)",
            *(folder, name, 100 * error),
        )
    progress = _Progress(folder.name, len(examples))
    team = _Team(check_stop, progress)
    bounds: list[int] = [len(examples) * i // num_shards for i in range(num_shards)]
    shards = [
        functools.partial(_blocks, teacher, examples[start:end], team)
        for start, end in zip(bounds, [*bounds[1:], len(examples)], strict=True)
    ]
    write_cache(
        folder,
        teacher.schema,
        fingerprint,
        shards,
        num_examples=len(examples),
        mean_lengths=lengths,
        on_kept=progress.begin,
        team=team,
    )
    return _opened(folder, fingerprint)


def few_of(examples: Sequence[ExampleT]) -> Sequence[ExampleT]:
    """Some from all over, by which all are judged before they are asked about."""
    return examples[:: max(1, len(examples) // _FEW)][:_FEW]


def rounding_errors(schema: Schema, block: Block) -> dict[str, float]:
    """What fields lose that are stored in fewer bits.

    Args:
      schema: fields of an answer.
      block: answers as they were given.

    Returns:
      Field -> root mean square of the error, as a share of that of the values.
    """
    found = {}
    for field in schema.fields:
        if field.storage != "exact":
            values = block.arrays[field.name]
            flat = values.values if isinstance(values, Ragged) else values
            lost = np.asarray(field.unpack(field.pack(flat)), np.float64) - flat
            size = float(np.linalg.norm(flat))
            found[field.name] = float(np.linalg.norm(lost)) / size if size else 0.0
    return found


def _opened(folder: Path, fingerprint: dict[str, str]) -> TeacherCache:
    try:
        return TeacherCache.open(folder, fingerprint)
    except CorruptShardError as error:
        raise CorruptShardError(
            f"{error}. Delete that file, and the same command has it rewritten"
        ) from error


def _is_sealed(folder: Path) -> bool:
    """Whether a finished cache lies there, of whatever; opening it tells of what."""
    if not (folder / FILE_NAME).exists():
        return False
    try:
        manifest = read_manifest(folder)
    except ValueError as error:
        remedy = f"Delete {folder}, and the same command fills it again"
        raise ValueError(f"{error}. {remedy}") from error
    return manifest.complete and all((folder / n).exists() for n in manifest.shards)


def _blocks(
    teacher: Answering[ExampleT],
    examples: Sequence[ExampleT],
    team: _Team,
) -> Iterable[Block]:
    for start in range(0, len(examples), _ASKED_TOGETHER):
        team.begin_round()
        block = teacher.block(examples[start : start + _ASKED_TOGETHER])
        team.add(len(block))
        yield from block.split(BLOCK_SIZE)


class _Team:
    """All processes of the run; each asks a teacher of its own for other shards.

    They ask in rounds, and whoever is through waits for the rounds of the others, so
    that a wish to stop reaches all of them in the same round.
    """

    def __init__(self, check_stop: Callable[[], None], progress: _Progress) -> None:
        self._check_stop, self._progress = check_stop, progress
        self._own = self._others = 0
        self.leads = processes.is_first()

    def share(self, shards: Sequence[int]) -> Sequence[int]:
        return shards[processes.index() :: processes.count()]

    def add(self, count: int) -> None:
        self._own += count
        self._progress.tell(self._own + self._others)

    def begin_round(self) -> None:
        self._all_are(done=False)

    def wait(self, moment: str) -> None:
        if processes.count() == 1:
            return
        while not self._all_are(done=True):
            self._progress.tell(self._own + self._others)
        processes.wait(moment)

    def _all_are(self, *, done: bool) -> bool:
        said = processes.gathered([done, self._own])
        self._others = int(said[:, 1].sum()) - self._own
        self._check_stop()
        return bool(said[:, 0].all())


class _Progress:
    """A line now and then: how many answers there are, how fast, how long still.

    Answers that an earlier run left count as there, but not for the speed.
    """

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total = name, total
        self.begin(0)

    def begin(self, kept: int) -> None:
        """The clock starts, with so many answers there."""
        self._kept = kept
        self._start = self._said = time.monotonic()

    def tell(self, answered: int) -> None:
        """So many answers are there beside those, of all processes together."""
        now = time.monotonic()
        if not answered or now - self._said < _SECONDS_BETWEEN_LINES:
            return
        self._said = now
        rate, done = answered / (now - self._start), self._kept + answered
        logging.info(
            "cache %s: %d of %d examples  %.0f examples/s  ETA %d:%02d",
            *(self._name, done, self._total, rate),
            *divmod(int((self._total - done) / rate), 60),
        )


def _mean_lengths(schema: Schema, few: Block) -> dict[str, float]:
    """Expected lengths of ragged fields, from the answers to a few examples."""
    return {
        field.name: float(few.arrays[field.name].lengths.mean())  # type: ignore[union-attr]
        for field in schema.fields
        if field.ragged
    }
