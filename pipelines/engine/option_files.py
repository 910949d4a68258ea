"""Option files: `--engine=NAME` stands for the options in configs/engines/NAME.yaml, or in a file of yours."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib import resources

import yaml
from apache_beam.options.pipeline_options import PipelineOptions

from mirrorfold.pipelines.errors import UsageError

FLAG = "--engine"


class EngineFileOptions(PipelineOptions):
    """Registers our one option beside Beam's own."""

    @classmethod
    def _add_argparse_args(cls, parser) -> None:
        parser.add_argument(FLAG, help=f"a ready set of options: {', '.join(names())}, or a YAML file of your own")


def names() -> list[str]:
    """List the option files that come with mirrorfold."""
    return sorted(file.name.removesuffix(".yaml") for file in _folder().iterdir() if file.name.endswith(".yaml"))


def expand(args: Sequence[str]) -> list[str]:
    """Put an option file's options before the given ones, which win.

    Raises:
      UsageError: no such file, or an option that the file leaves to the user wasn't given.
    """
    chosen, rest = _take(args)
    if chosen is None:
        return rest
    options = load(chosen)
    given = {arg.partition("=")[0].removeprefix("--") for arg in rest}
    missing = [name for name, value in options.items() if value is None and name not in given]
    if missing:
        raise UsageError(f"{FLAG}={chosen} needs {' and '.join(f'--{name}=...' for name in missing)} from you")
    return [flag for name, value in options.items() if name not in given for flag in _flags(name, value)] + rest


def load(chosen: str) -> dict:
    """Read an option file by name or path: a mapping of option to value; null is the user's to give."""
    packaged = _folder() / f"{chosen}.yaml"
    if os.sep not in chosen and packaged.is_file():
        text = packaged.read_text(encoding="utf-8")
    elif os.path.isfile(chosen):
        with open(chosen, encoding="utf-8") as file:
            text = file.read()
    else:
        raise UsageError(f"{FLAG}={chosen} is neither a file nor one of: {', '.join(names())}")
    try:
        options = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{FLAG}={chosen} isn't YAML: {' '.join(str(error).split())}") from error
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise UsageError(f"{FLAG}={chosen} has to be a mapping of Beam options to values")
    return options


def _take(args: Sequence[str]) -> tuple[str | None, list[str]]:
    chosen, rest, waiting = None, [], False
    for arg in args:
        if waiting:
            chosen, waiting = arg, False
        elif arg == FLAG:
            waiting = True
        elif arg.startswith(f"{FLAG}="):
            chosen = arg.partition("=")[2]
        else:
            rest.append(arg)
    if waiting:
        raise UsageError(f"{FLAG} needs a name: one of {', '.join(names())}, or a file")
    return chosen, rest


def _flags(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}"] if value else []
    if isinstance(value, list):
        return [flag for item in value for flag in _flags(name, item)]
    return [f"--{name}={json.dumps(value) if isinstance(value, dict) else value}"]


def _folder():
    return resources.files("mirrorfold.configs") / "engines"
