"""Tell Beam's pipeline options from our own on one command line."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from mirrorfold.pipelines.engine import option_files  # noqa: F401 - registers --engine beside Beam's options
from mirrorfold.pipelines.errors import UsageError


def split_arguments(arguments: Sequence[str], ours: Iterable[str]) -> tuple[list[str], list[str]]:
    """Split a command line into (ours, Beam's).

    Beam's options may be written `--name=value` or `--name value`, as its own programs take them, anywhere on the line.

    Args:
      arguments: what follows the command's name.
      ours: our own option names, with their dashes.

    Raises:
      UsageError: an option that neither knows, with the nearest name.
    """
    ours, beam = set(ours), beam_options()
    mine: list[str] = []
    theirs: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            mine += ["--", *rest]
            break
        name, _, value = argument.partition("=")
        if not name.startswith("--") or name in ours:
            mine.append(argument)
        elif name in beam:
            theirs.append(argument)
            if not value and beam[name] and rest and not rest[0].startswith("--"):
                theirs.append(rest.pop(0))
        else:
            near = difflib.get_close_matches(name, [*ours, *beam], n=1)
            raise UsageError(f"unknown option {name}" + (f"; did you mean {near[0]}?" if near else "; see --help"))
    return mine, theirs


def beam_options() -> dict[str, bool]:
    """Give every Beam option by name, and whether it takes a value."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for section in PipelineOptions.__subclasses__():
        section._add_argparse_args(parser)  # type: ignore[arg-type]  # Beam's own parser would take prefixes too
    return {
        flag: action.nargs != 0 for action in parser._actions for flag in action.option_strings if flag.startswith("--")
    }
