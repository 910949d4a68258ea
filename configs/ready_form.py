"""Forms that are ready to use, or somebody's own: YAML files of one model each."""

from __future__ import annotations

import os
from importlib.resources import files
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


def ready_names(folder: str) -> list[str]:
    """Name the ready forms of a folder below configs/."""
    found = (item.name for item in files("mirrorfold.configs").joinpath(folder).iterdir())
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def read_text(folder: str, name: str) -> str | None:
    """Give a ready form by its name, or one of somebody's own by its path, as it is written; None for neither."""
    if os.path.isfile(name):
        with open(name, encoding="utf-8") as file:
            return file.read()
    if name in ready_names(folder):
        return files("mirrorfold.configs").joinpath(folder, f"{name}.yaml").read_text("utf-8")
    return None


def load_ready(model: type[Model], folder: str, name: str, what: str, missing: str) -> Model:
    """Read a ready form by its name, or one of somebody's own by its path.

    Args:
      what: the kind of file, for messages; missing: what is said where there is none of that name.

    Raises:
      ValueError: one line naming the file and what is wrong.
    """
    try:
        text = read_text(folder, name)
        if text is None:
            raise ValueError(missing)
        return model.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{name}: {where}: {first['msg'].removeprefix('Value error, ')}") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{name} isn't a {what} in YAML: {' '.join(str(error).split())[:120]}") from error
