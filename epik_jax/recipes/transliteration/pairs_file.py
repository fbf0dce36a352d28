"""A file of pairs of any known layout, as examples to be scored.

A path and what the user said of it go in; examples with all their accepted answers come
out, of direct names those that a run's report is made of. The layout is found out from
the first line where it was not named.
"""

from __future__ import annotations

import dataclasses
import gzip
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, get_args

from epik_jax.data import sources
from epik_jax.data.draw import drawn
from epik_jax.data.pairs import grouped_examples, merged_examples
from epik_jax.data.rows import RowReport
from epik_jax.recipes.transliteration.names import split_names
from epik_jax.recipes.transliteration.phrase import check_language
from epik_jax.structs import Example

Part = Literal["choosing", "report"]
Format = Literal["parallel", "pairs", "dakshina", "aksharantar"]


@dataclasses.dataclass(frozen=True)
class PairsFile:
    """A file of pairs and how to read it.

    Attributes:
      path: plain or .gz.
      format: its layout; "" finds out.
      source_lang: language of the first column, of "pairs".
      target_lang: language of the second column, of "pairs".
      lang: language of the native side, of "dakshina" and "aksharantar".
      max_bad_share: largest share of bad lines to go on with.
      part: of a "parallel" file, names that choices may be made on or those for
        reports; "" takes both.
      limit: score this many examples, drawn by digest; 0 for all.
    """

    path: Path
    format: Format | Literal[""] = ""
    source_lang: str = ""
    target_lang: str = ""
    lang: str = ""
    max_bad_share: float = 0.01
    part: Part | Literal[""] = ""
    limit: int = 0

    def read(self, max_length: int) -> tuple[list[Example], RowReport]:
        """The examples, one per source with all its answers, and what became of lines.

        Args:
          max_length: longest word taken, in code points.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: its languages are not given, too many lines are bad, or nothing
            is left.
        """
        if self.path.is_dir():
            raise ValueError(f"{self.path} is a folder; name one file of it")
        if not self.path.exists():
            raise FileNotFoundError(f"there is no file {self.path}")
        if not self.path.is_file():
            raise ValueError(f"{self.path} is no plain file; it has to be read twice")
        limits: dict[str, Any] = {
            "max_length": max_length,
            "max_bad_share": self.max_bad_share,
        }
        form = self.format or self._likely_format()
        self._check_languages(form)
        if form == "parallel":
            examples, report = sources.read_parallel(self.path, **limits)
            examples = self._taken_part(examples)
        elif form == "pairs":
            examples, report = sources.read_pairs_tsv(
                self.path, self.source_lang, self.target_lang, **limits
            )
            examples = merged_examples(examples)
        else:
            read = {
                "dakshina": sources.read_dakshina,
                "aksharantar": sources.read_aksharantar,
            }[form]
            pairs, report = read(self.path, self.lang, **limits)
            examples = grouped_examples(pairs, self.lang)
        if not examples:
            raise ValueError(f"no word to score in {report}")
        return drawn(examples, self.limit), report

    def _taken_part(self, names: list[Example]) -> list[Example]:
        if not self.part:
            return names
        choosing, reported = split_names(names)
        return choosing if self.part == "choosing" else reported

    def _likely_format(self) -> Format:
        cells = _first_line(self.path).split("\t")
        if {"src_lang", "tgt_lang", "refs"} <= set(cells):
            return "parallel"
        if self.source_lang or self.target_lang:
            return "pairs"
        if not self.lang and "\ufffd" in "".join(cells):
            raise ValueError(f"{self.path}:1: bad UTF-8 in what may be the header")
        if not self.lang:
            raise ValueError(
                f"{self.path}: no header names its languages; give --from and --to "
                "(two columns), or --lang (a lexicon of native and Latin words)"
            )
        counted = len(cells) == 3 and cells[2].strip().isdigit()
        return "dakshina" if counted else "aksharantar"

    def _check_languages(self, form: str) -> None:
        if form not in get_args(Format):
            raise ValueError(f"--format {form!r} is none of {get_args(Format)}")
        if self.part and form != "parallel":
            raise ValueError(f"--part splits the format parallel, not {form}")
        options = {
            "--from": self.source_lang,
            "--to": self.target_lang,
            "--lang": self.lang,
        }
        wanted = {"parallel": (), "pairs": ("--from", "--to")}.get(form, ("--lang",))
        for option, lang in options.items():
            if lang and option not in wanted:
                raise ValueError(
                    f"{self.path}: {option} means nothing to the format {form}"
                )
            if option in wanted:
                if not lang:
                    raise ValueError(f"{self.path}: the format {form} needs {option}")
                check_language(lang)
        if form == "pairs" and self.source_lang == self.target_lang:
            raise ValueError(f"--from and --to are both {self.source_lang!r}")
        if self.lang == "en":
            raise ValueError("--lang is the language of the native side, it is not en")


def _first_line(path: Path) -> str:
    opened: Callable[..., Iterable[bytes]] = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:  # type: ignore[attr-defined]
            return file.readline(1 << 16).decode("utf-8", "replace").rstrip("\r\n")
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return ""  # The reader says what is wrong with it.
