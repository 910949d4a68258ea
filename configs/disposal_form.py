"""Templates of disposal lists: which columns a records office wants, filled from what a plan knows of each series."""

from __future__ import annotations

import os
import string
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

FIELDS = {
    "library": "the library that the series lies in",
    "series": "bucket or folder, and the first folders of the key",
    "objects": "how many files",
    "bytes": "their bytes",
    "megabytes": "the same in megabytes of 10^6 bytes, rounded up",
    "date_from": "earliest date that the pictures state they were taken on, else that they were written on",
    "date_to": "the latest of these",
    "reason": "why, as the policy's rules say it",
    "rule": "the rule's name",
    "kept_in": "libraries that keep the copies which stand for them",
    "media_types": "formats",
    "authority": "the policy's hash and who signed the plan",
    "decided_by": "reviewers whose word a row rests on, or the policy",
    "plan": "the plan's hash",
    "made": "the date of the plan",
    "quarantine_days": "days for which they can be brought back",
}
"""What a column may say, in braces."""


class Column(BaseModel):
    """A column of a form: its heading, and text with fields in braces."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(min_length=1)
    value: str = ""

    @field_validator("value")
    @classmethod
    def _known(cls, value: str) -> str:
        named = [name for _, name, _, _ in string.Formatter().parse(value) if name is not None]
        unknown = sorted(set(named) - FIELDS.keys())
        if unknown:
            raise ValueError(f"no field {{{unknown[0]}}}; there are {', '.join(FIELDS)}")
        return value


class Template(BaseModel):
    """A disposal list's form.

    Attributes:
      source: where the form is published, and when it was looked at; a form that nobody looked at says so.
      depth: folders of a key that make a series.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str = Field(min_length=1)
    source: str = Field(min_length=1)
    depth: int = Field(default=1, ge=0)
    columns: tuple[Column, ...] = Field(min_length=1)


def names() -> list[str]:
    """Name the ready templates."""
    found = (item.name for item in files("mirrorfold.configs").joinpath("disposal").iterdir())
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def load(name: str) -> Template:
    """Read a ready template by its name, or one of yours by its path.

    Raises:
      ValueError: one line naming the file and what is wrong.
    """
    try:
        if os.path.isfile(name):
            with open(name, encoding="utf-8") as file:
                text = file.read()
        elif name in names():
            text = files("mirrorfold.configs").joinpath("disposal", f"{name}.yaml").read_text("utf-8")
        else:
            raise ValueError(f"--template {name}: no such file, and the ready ones are {', '.join(names())}")
        return Template.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{name}: {where}: {first['msg'].removeprefix('Value error, ')}") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{name} isn't a template in YAML: {' '.join(str(error).split())[:120]}") from error
