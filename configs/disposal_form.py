"""Templates of disposal lists: which columns a records office wants, filled from what a plan knows of each series."""

from __future__ import annotations

import string

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mirrorfold.configs.ready_form import load_ready, ready_names

FOLDER = "disposal"
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
    return ready_names(FOLDER)


def load(name: str) -> Template:
    """Read a ready template by its name, or one of yours by its path.

    Raises:
      ValueError: one line naming the file and what is wrong.
    """
    missing = f"--template {name}: no such file, and the ready ones are {', '.join(names())}"
    return load_ready(Template, FOLDER, name, "template", missing)
