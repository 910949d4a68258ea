"""Forms of catalogues: which columns of their exports name a record, its files and what is known of them."""

from __future__ import annotations

import os
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

FIELDS = (
    "catalogue_no", "title", "caption", "creator", "credit", "rights", "licence", "usage_terms", "keywords",
    "capture_time", "instructions", "provenance", "hold", "role",
)  # fmt: skip
"""What a form may say a column is: columns of `contents`, and what the catalogue alone knows."""


class Form(BaseModel):
    """A catalogue's form.

    Attributes:
      checked: the real export that the columns were checked against, or that it was documents alone.
      form: csv, or lido for XML, where a column is the path of an element.
      lists: what stands between the values of a cell that may hold many.
      empty: cells that say nothing, beside the empty one.
      records: columns that name the record.
      files: columns that name its file: the first that says something; with a star at its end, each of that name.
      fields: by our name, columns of which the first that says something counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Literal[1]
    about: str = Field(min_length=1)
    checked: str = Field(min_length=1)
    documents: tuple[str, ...] = ()
    form: Literal["csv", "lido"] = "csv"
    lists: str = "|"
    empty: tuple[str, ...] = ()
    records: tuple[str, ...] = Field(min_length=1)
    files: tuple[str, ...] = Field(min_length=1)
    fields: dict[str, tuple[str, ...]]

    @field_validator("fields")
    @classmethod
    def _known(cls, value: dict) -> dict:
        unknown = sorted(value.keys() - set(FIELDS))
        if unknown:
            raise ValueError(f"no field {unknown[0]}; there are {', '.join(FIELDS)}")
        return value


def form_names() -> list[str]:
    """Name the ready forms."""
    found = (item.name for item in files("mirrorfold.configs").joinpath("catalogues").iterdir())
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def load_form(name: str) -> Form:
    """Read a ready form by its name, or one of yours by its path.

    Raises:
      ValueError: one line naming the file and what is wrong.
    """
    try:
        return Form.model_validate(yaml.safe_load(form_text(name)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{name}: {where}: {first['msg'].removeprefix('Value error, ')}") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{name} isn't a form in YAML: {' '.join(str(error).split())[:120]}") from error


def form_text(name: str) -> str:
    """Give a form as it is written.

    Raises:
      ValueError: there is none of that name.
    """
    if os.path.isfile(name):
        with open(name, encoding="utf-8") as file:
            return file.read()
    if name in form_names():
        return files("mirrorfold.configs").joinpath("catalogues", f"{name}.yaml").read_text("utf-8")
    raise ValueError(f"no file and no ready form {name!r}: there are {', '.join(form_names())}")
