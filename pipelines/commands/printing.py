"""What commands have in common: DIR, and what they print: lines for people, or the same as JSON."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import click

from mirrorfold.pipelines.errors import MirrorfoldError, UsageError


@dataclass
class Verbosity:
    """How much this process says: -q makes it negative, -v positive."""

    level: int = 0

    @property
    def quiet(self) -> bool:
        return self.level < 0

    @property
    def verbose(self) -> bool:
        return self.level > 0


VERBOSITY = Verbosity()


@dataclass(frozen=True)
class Said:
    """What a command found.

    Attributes:
      plain: the same for programs; JSON can hold it.
      lines: for people.
      error: raised once it is printed.
    """

    plain: dict | list
    lines: list[str] = field(default_factory=list)
    error: MirrorfoldError | None = None


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def prints(function: Callable[..., Said]) -> Callable[..., None]:
    """Let a command return what it found, and print it as the options ask."""

    @json_option
    @functools.wraps(function)
    def command(*args: Any, as_json: bool, **options: Any) -> None:
        said = function(*args, **options)
        if as_json:
            click.echo(json.dumps(said.plain, indent=1, ensure_ascii=False))
        elif not VERBOSITY.quiet:
            for line in said.lines:
                click.echo(line)
        if said.error is not None:
            raise said.error

    return command


def folder_argument(name: str = "folder", rest: str | None = None) -> Callable:
    """Give a command DIR: its first argument, or --output.

    Args:
      name: the parameter that gets it.
      rest: the parameter of the arguments after it, where there are any.
    """

    def decorate(function: Callable) -> Callable:
        @click.argument("dir_argument", metavar="DIR", required=False)
        @click.option("-o", "--output", "dir_option", metavar="DIR", help="Another way to name DIR.")
        @functools.wraps(function)
        def command(*args: Any, dir_argument: str | None, dir_option: str | None, **options: Any) -> Any:
            if rest is not None and dir_option is not None and dir_argument is not None:
                options[rest] = (dir_argument, *options[rest])
                dir_argument = None
            if (dir_argument is None) == (dir_option is None):
                raise UsageError("name the folder of the run, DIR" + (" once" if dir_option else ""))
            return function(*args, **{name: dir_argument or dir_option}, **options)

        return command

    return decorate


def add_verbosity(command: click.Command) -> None:
    """Give every command below a group -q and -v."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            add_verbosity(below)
    taken = {flag for parameter in command.params for flag in parameter.opts}
    if isinstance(command, click.Group) or "-q" in taken:
        return
    for flags, level, text in (
        (("-q", "--quiet"), -1, "Print errors only."),
        (("-v", "--verbose"), 1, "Log each step, and show tracebacks."),
    ):
        command.params.append(
            click.Option(flags, is_flag=True, expose_value=False, help=text, callback=functools.partial(_set, level))
        )


def _set(level: int, context: click.Context, _: click.Parameter, given: bool) -> None:
    if given:
        VERBOSITY.level = level


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Say what a pure check found wrong with the user's input as a usage error, in one line."""
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error)) from error


def many(number: int, word: str) -> str:
    """Count in words: `1 row`, `2 rows`, `1 query`, `2 queries`."""
    if number != 1:
        word = word[:-1] + "ies" if word.endswith("y") and word[-2] not in "aeiou" else word + "s"
    return f"{number:,} {word}"
