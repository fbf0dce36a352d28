"""The command line as it is written: commands, options, overrides.

A list of strings goes in, a namespace comes out. Nothing is called and nothing heavy is
imported, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from typing import NoReturn

from epik_jax.argument_processes import add_processes, demand_processes
from epik_jax.argument_types import beam, path, positive, share
from epik_jax.argument_words import OVERRIDE, as_utf8, split_overrides

_PROGRAM = "epik-jax"
_ASKED = {"transliterate": "words", "tag": "sentences", "score": "pairs"}


class _Parser(argparse.ArgumentParser):
    """Raises on a mistake; the caller knows how mistakes are told."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see `{self.prog} --help`")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Reads a command line.

    Args:
      argv: without the program's name.

    Returns:
      Options by name; "command", and "overrides" as "path.to.key=value".

    Raises:
      ValueError: it cannot be understood; says what is wrong.
      SystemExit: help was asked for and printed.
    """
    rest, overrides = split_overrides(as_utf8(argv))
    parser = make_parser()
    arguments, unknown = parser.parse_known_args(rest)
    arguments.overrides = overrides
    if (asked := _ASKED.get(arguments.command)) is not None:
        # Words may stand on both sides of an option.
        words = [word for word in unknown if not word.startswith("-")]
        getattr(arguments, asked).extend(words)
        unknown = [word for word in unknown if word.startswith("-")]
    if arguments.command is None and not arguments.version:
        parser.error("no command is given")
    if unknown:
        parser.error(f"unknown: {' '.join(unknown)}{_nearest(unknown[0], rest)}")
    if overrides and not hasattr(arguments, "config"):
        parser.error(f"{arguments.command} takes no {OVERRIDE}{overrides[0]}")
    if arguments.command == "cache" and arguments.what is None:
        _demand_config(parser, arguments)
    if "distributed" in arguments:
        demand_processes(parser, arguments)
    return arguments


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands."""
    parser = _Parser(
        prog=_PROGRAM,
        allow_abbrev=False,
        description="Condenses a pipeline of models into one small model.",
    )
    parser.add_argument("--version", action="store_true", help="print it and stop")
    parser.add_argument(
        "--traceback", action="store_true", help="show where an error came from"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=about, description=about, allow_abbrev=False
        )

    for name, about in (
        ("run", "Train, measure and write the report; goes on where it was stopped."),
        ("train", "Train without measuring."),
    ):
        _add_run(command(name, about), required=True)
    _add_compile(
        command("compile-tpu", "Compile all programs of a run for TPUs, without one.")
    )
    _add_cache(command("cache", "Train the teacher and cache its answers."))
    _add_evaluate(command("evaluate", "Score a model, a chain or a rule table."))
    _add_transliterate(command("transliterate", "Write words in another script."))
    _add_tag(command("tag", "Find the names in sentences."))
    _add_score(command("score", "Score pairs of texts, or rank passages."))
    _add_export(command("export", "Write a model folder of a finished run."))
    command("doctor", "Say what is installed, what is missing and what is broken.")
    return parser


def _add_run(parser: argparse.ArgumentParser, *, required: bool) -> None:
    _add_config(parser, required=required)
    parser.add_argument("--workdir", required=required, type=path, metavar="DIR")
    add_processes(parser)


def _add_config(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--config",
        required=required,
        metavar="FILE[:VARIANT]",
        help="a configuration, such as configs/epik.py:builtin; single values are "
        "changed by --config.path.to.key=VALUE",
    )


def _add_compile(parser: argparse.ArgumentParser) -> None:
    _add_config(parser, required=True)
    add = parser.add_argument
    add("--topology", required=True, metavar="CHIP:AxB", help="such as v5e:4x8")
    add("--only", default="", metavar="NAME", help="programs with NAME in theirs")
    add("--json", type=path, metavar="OUT", help="write all figures there as well")


def _add_cache(parser: argparse.ArgumentParser) -> None:
    _add_run(parser, required=False)
    what = parser.add_subparsers(dest="what", metavar="inspect")
    about = "Print what a cache holds."
    inspect = what.add_parser("inspect", help=about, description=about)
    inspect.add_argument("folder", type=path, metavar="DIR", help="a cache, or a run")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--checkpoint", type=path, metavar="DIR", help="a model folder")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--pairs", type=path, metavar="FILE", help="words; .gz too")
    asked.add_argument(
        "--conll", type=path, metavar="FILE", help="tagged sentences; .gz too"
    )
    asked.add_argument(
        "--labelled",
        type=path,
        metavar="FILE",
        help="a text, a tab and its label a line; .gz too",
    )
    asked.add_argument(
        "--pair-file",
        type=path,
        metavar="FILE",
        help="two texts and a label a line, tabs between, or JSON lines; .gz too",
    )
    add("--right", default="", metavar="LABEL", help="of a pair whose texts answer")
    add("--json", type=path, metavar="OUT", help="write all figures there as well")
    add(
        "--format",
        default="",
        choices=("parallel", "pairs", "dakshina", "aksharantar"),
        help="layout of FILE; found out unless given",
    )
    add("--from", dest="source_lang", default="", metavar="L", help="first column")
    add("--to", dest="target_lang", default="", metavar="L", help="second column")
    add("--lang", default="", metavar="L", help="native side, or of sentences")
    add(
        "--part",
        default="",
        choices=("choosing", "report"),
        help="of direct names: the fifth that choices may be made on, or the rest",
    )
    add(
        "--apart",
        nargs="+",
        default=(),
        metavar="SOURCE",
        help="lists whose words count in the figures by source alone",
    )
    system = parser.add_mutually_exclusive_group()
    system.add_argument(
        "--chain", action="store_true", help="the model twice, through English"
    )
    system.add_argument(
        "--table", choices=("builtin", "icu"), help="a rule table, no checkpoint needed"
    )
    add("--beam", type=beam, default=1, metavar="N", help="1, greedy, by default")
    add(
        "--feature-distance",
        action="store_true",
        help="how far sounds are apart, by articulatory features; extra `phonetics`",
    )
    add("--limit", type=positive, default=0, metavar="N", help="words by digest")
    add(
        "--max-bad-share",
        type=share,
        default=0.01,
        metavar="X",
        help="go on while no larger share of the lines is bad; 0.01 by default",
    )


def _add_transliterate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("words", nargs="*", metavar="WORD", help="a line each; else standard input")
    add("--checkpoint", required=True, type=path, metavar="DIR", help="a model folder")
    add("--to", required=True, dest="target_lang", metavar="L", help="en hi ta kn bn")
    add("--from", dest="source_lang", metavar="L", help="write words of this one only")
    add("--file", type=path, metavar="F", help="lines of UTF-8 text, .gz too")
    add("--beam", type=beam, default=1, metavar="N", help="1, greedy, by default")
    add(
        "--nbest",
        type=beam,
        metavar="N",
        help="print N answers to each word: word, answer, log-probability",
    )
    add("--chain", action="store_true", help="the model twice, through English")
    add("--json", action="store_true", help="a JSON object for each line")


def _add_tag(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("sentences", nargs="*", metavar="SENTENCE", help="else standard input")
    add("--checkpoint", required=True, type=path, metavar="DIR", help="a model folder")
    add("--file", type=path, metavar="F", help="UTF-8 text, a sentence a line, .gz too")
    add(
        "--format",
        default="text",
        choices=("text", "conll", "json"),
        help="text with entities in brackets, columns, or a JSON object a line",
    )


def _add_score(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("pairs", nargs="*", metavar="PAIR", help="two texts, a tab between; else stdin")
    add("--checkpoint", required=True, type=path, metavar="DIR", help="a model folder")
    add("--file", type=path, metavar="F", help="a pair a line, or JSON lines, .gz too")
    add("--right", default="", metavar="LABEL", help="whose probability is the score")
    add("--rank", action="store_true", help="passages by question, likeliest first")
    add("--json", action="store_true", help="a JSON object for each pair")


def _add_export(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--workdir", required=True, type=path, metavar="RUN", help="a finished run")
    add("--out", required=True, type=path, metavar="DIR", help="the new model folder")
    add("--model", choices=("student", "teacher"), default="student")
    add("--bfloat16", action="store_true", help="two bytes a parameter")
    add(
        "--metrics",
        nargs="+",
        type=path,
        default=(),
        metavar="FILE",
        help="of this model, for the card: `evaluate --json`, or a run's report.json",
    )
    add("--licences", default="", metavar="TEXT", help="of the data, for the card")


def _demand_config(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> None:
    for option in ("config", "workdir"):
        if getattr(arguments, option) is None:
            parser.error(f"cache needs --{option}, or inspect DIR")


def _nearest(option: str, argv: Sequence[str]) -> str:
    """A hint at an option of the command that was probably meant."""
    known = [
        name
        for action in _options_of(argv)
        for name in action.option_strings
        if name.startswith("--")
    ]
    close = difflib.get_close_matches(option.partition("=")[0], known, n=1)
    return f", did you mean {close[0]}?" if close else ""


def _options_of(argv: Sequence[str]) -> list[argparse.Action]:
    for action in make_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            chosen = next((word for word in argv if word in action.choices), None)
            return list(action.choices[chosen]._actions) if chosen else []
    return []
