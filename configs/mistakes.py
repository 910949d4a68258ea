"""What is wrong with a YAML file of settings: every mistake by file and line, with the name that was meant."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterator, Mapping

import yaml
from pydantic import BaseModel, ValidationError


def compose(text: str, path: str) -> yaml.Node | None:
    """Read a file's text as YAML nodes, which know their lines; None where it is empty.

    Raises:
      ValueError: not YAML, or a name given twice; one line with file and line.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ValueError(f"{path}:{line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path}:1: not valid YAML: {' '.join(str(error).split())}") from error
    if root is not None:
        _refuse_repeats(root, path)
    return root


def name_all(error: ValidationError, root: yaml.Node | None, path: str | None, model: type[BaseModel]) -> str:
    """Say every mistake that a model found, one line each, in the file's order; `path` is None without a file."""
    said = []
    for found in error.errors():
        # A check of several settings together names the one to mend before a colon.
        text = found["msg"].removeprefix("Value error, ")
        setting, message = re.findall(r"\A(?:([a-z_-]+): )?(.*)", text, re.DOTALL)[0]
        place = found["loc"] + ((setting,) if setting else ())
        # Without a file the command line said it.
        line, where = (0, ".".join(map(str, place))) if path is None else locate(root, place)
        start = "settings" if path is None else f"{path}:{line}"
        said.append((line, f"{start}: {where + ': ' if where else ''}{_plain(message, found, model)}"))
    return "\n".join(dict.fromkeys(text for _, text in sorted(said, key=lambda one: one[0])))


def locate(root: yaml.Node | None, location: tuple) -> tuple[int, str]:
    """Find the line (from 1) and the dotted name of a place in the file, as deep as the file goes."""
    node, line, said = root, 1, []
    for step in location:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = (node.value[step], node.value[step])
        if found is None:
            said += [str(step)] if isinstance(step, str) and node is not None else []
            break
        said.append(f"[{step + 1}]" if isinstance(step, int) else str(step))
        line, node = found[0].start_mark.line + 1, found[1]
    return line, ".".join(said).replace(".[", "[")


def _refuse_repeats(node: yaml.Node, path: str) -> None:
    # YAML lets the last of two equal keys win in silence: a policy must not.
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise ValueError(f"{path}:{key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(key.value)
            _refuse_repeats(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeats(value, path)


def _plain(message: str, error: Mapping, model: type[BaseModel]) -> str:
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _names_beside(model, error["loc"]), n=1, cutoff=0.5)
        return "there is no such setting" + (f"; did you mean {near[0]}?" if near else "")
    if error["type"] == "missing":
        return "must be given"
    given = error.get("input")
    return f"{message} (given: {given!r})" if isinstance(given, str | int | float) else message


def _names_beside(model: type[BaseModel], location: tuple) -> list[str]:
    """Name the settings that stand where a mistake is."""
    found: object = model
    for step in location[:-1]:
        model_here = next(_models(found), None)
        field = None if model_here is None else next((f for n, f in _fields(model_here) if n == step), None)
        found = field.annotation if field is not None else found
    here = next(_models(found), None)
    return [name for name, _ in _fields(here)] if here else []


def _fields(model: type[BaseModel]) -> list[tuple[str, typing.Any]]:
    return [(field.alias or name, field) for name, field in model.model_fields.items()]


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Give the models within a type: itself, or those that a list, a mapping or a union of it holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in typing.get_args(annotation):
        yield from _models(part)
