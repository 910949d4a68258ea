"""Write the settings down as a commented YAML file, from the settings themselves, so that it is never out of date."""

from __future__ import annotations

import textwrap

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mirrorfold.configs.settings import Settings

HEADER = """\
# Settings of a run: pass the file with --config. Every line is optional, and holds its default here.
# A misspelt name is an error that names it. Secrets never belong in here: credentials come from AWS's and Google's
# own default chains.
"""
WIDTH = 116


def example() -> str:
    """Give the commented file; loading it gives the default settings."""
    return HEADER + "".join(_lines(Settings, 0))


def _lines(section: type[BaseModel], depth: int) -> list[str]:
    lines = []
    for name, field in section.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            lines.append(f"\n{'  ' * depth}# {_first_line(type(default))}\n{'  ' * depth}{name}:\n")
            lines += _lines(type(default), depth + 1)
        else:
            lines += [*_comment(field, depth), f"{'  ' * depth}{name}: {_yaml(default)}\n"]
    return lines


def _comment(field: FieldInfo, depth: int) -> list[str]:
    indent = "  " * depth + "# "
    return [
        line + "\n"
        for line in textwrap.wrap(field.description or "", WIDTH, initial_indent=indent, subsequent_indent=indent)
    ]


def _first_line(section: type[BaseModel]) -> str:
    return (section.__doc__ or "").splitlines()[0]


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("\n").removesuffix("\n...")
