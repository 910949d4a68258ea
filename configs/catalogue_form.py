"""Forms of catalogues: which columns of their exports name a record, its files and what is known of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mirrorfold.configs.ready_form import load_ready, read_text, ready_names

FOLDER = "catalogues"
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
    return ready_names(FOLDER)


def load_form(name: str) -> Form:
    """Read a ready form by its name, or one of yours by its path.

    Raises:
      ValueError: one line naming the file and what is wrong.
    """
    return load_ready(Form, FOLDER, name, "form", _missing(name))


def form_text(name: str) -> str:
    """Give a form as it is written.

    Raises:
      ValueError: there is none of that name.
    """
    text = read_text(FOLDER, name)
    if text is None:
        raise ValueError(_missing(name))
    return text


def _missing(name: str) -> str:
    return f"no file and no ready form {name!r}: there are {', '.join(form_names())}"
