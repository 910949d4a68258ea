"""The reference, generated from the code whenever the site is built: every table and column, setting and command."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
import pyarrow as pa
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mirrorfold.configs.policy import Policy, ready_policies
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.schemas import catalogue, failures
from mirrorfold.schemas.table import Table


def tables() -> str:
    """Give the page of all tables."""
    text = [
        "# Tables and columns",
        "A run's folder holds a subfolder of Parquet files for each table; `mirrorfold state show DIR` says their "
        "versions. Files are split by a hash of the shard key; rows within a file are sorted by the order columns. "
        "This page is made from `schemas/` whenever the site is built.",
    ]
    for table in catalogue.TABLES.values():
        text += _table(table)
    text += ["## Codes of failures", "", *_rows(("code", "what it means"), failures.CODES.items())]
    return "\n\n".join(text[:2]) + "\n\n" + "\n".join(text[2:]) + "\n"


def _table(table: Table) -> Iterable[str]:
    module = __import__(f"mirrorfold.schemas.{_module(table.name)}", fromlist=["x"])
    yield f"## {table.name}\n"
    first, _, rest = (module.__doc__ or "").strip().partition("\n\n")
    said = first.removeprefix(f"`{table.name}`: ")
    yield f"{said[0].upper()}{said[1:]}\n\n{rest}\n"
    yield f"Version {table.version}. Order: {_names(table.order)}. Shard key: {_names(table.shard_key)}.\n"
    rows = ((f"`{f.name}`", _type(f.type), "" if f.nullable else "never null", _doc(f)) for f in table.schema)
    yield from _rows(("column", "type", "", "what it holds"), rows)
    yield ""


def _module(name: str) -> str:
    return {"hold_checks": "decisions"}.get(name, name)


def _doc(field: pa.Field) -> str:
    return (field.metadata or {}).get(b"doc", b"").decode()


def _type(kind: pa.DataType) -> str:
    return str(kind).replace("fixed_size_", "").replace("element: ", "").replace(" not null", "")


def settings() -> str:
    """Give the page of all settings and of the policy."""
    text = [
        "# Settings and policies",
        "Settings go into a file for `--config`; `mirrorfold config init` writes one, every line commented. A policy "
        f"is a file of its own, or a ready one: {_names(ready_policies())} (`mirrorfold policy show NAME`). A "
        "misspelt name is an error that names it. This page is made from `configs/` whenever the site is built.",
        "## Settings",
        *_section(Settings, ""),
        "## Policies",
        *_section(Policy, ""),
    ]
    return "\n\n".join(text) + "\n"


def _section(model: type[BaseModel], above: str, seen: tuple[type, ...] = ()) -> Iterable[str]:
    if (doc := (model.__doc__ or "").strip()) and above:
        yield f"### `{above.rstrip('.')}`"
        yield doc
    elif doc:
        yield doc
    rows = [
        (f"`{name}`", _values(field.annotation), _default(field), field.description or "")
        for name, field in model.model_fields.items()
        if not _models(field.annotation)
    ]
    if rows:
        yield "\n".join(_rows(("name", "takes", "default", "what it does"), rows))
    for name, field in model.model_fields.items():
        for inner in _models(field.annotation):
            if inner not in seen:
                many = {dict: ".NAME.", list: "[]."}.get(_plural(field.annotation), ".")
                yield from _section(inner, f"{above}{name}{many}", (*seen, model))


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _plural(annotation: Any) -> type | None:
    """Tell whether there are several of something: by name, or one after the other."""
    origin = get_origin(annotation)
    if origin in (list, tuple):
        return list
    return dict if origin is dict else next((found for part in get_args(annotation) if (found := _plural(part))), None)


def _values(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _values(get_args(annotation)[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if origin in (Union, types.UnionType):
        return " or ".join(_values(part) for part in get_args(annotation) if part is not type(None))
    if origin in (list, tuple, dict, set, frozenset):
        inner = [part for part in get_args(annotation) if part is not ...]
        return f"{'names with ' if origin is dict else ''}a list of {_values(inner[-1])}" if inner else "a list"
    return {str: "text", int: "whole number", float: "number", bool: "true, false"}.get(
        annotation, getattr(annotation, "__name__", str(annotation))
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None:
        return ""
    written = yaml.safe_dump(_plain(value), default_flow_style=True, width=10_000, sort_keys=False)
    written = written.removesuffix("\n").removesuffix("\n...")
    return f"`{written}`" if len(written) < 60 else "see `config init`"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def commands() -> str:
    """Give the page of all commands, their help as it is printed."""
    text = [
        "# Every command",
        "What `mirrorfold COMMAND --help` prints, made from the commands whenever the site is built. "
        "docs/commands.md says how they go together.",
        "## mirrorfold",
        _help(cli, "mirrorfold"),
    ]
    for path, command in walk(cli, "mirrorfold"):
        text += [f"## {path}", _help(command, path)]
    return "\n\n".join(text) + "\n"


def walk(group: click.Command, path: str) -> Iterable[tuple[str, click.Command]]:
    """Give each command below a group, with the words that call it."""
    for name, command in getattr(group, "commands", {}).items():
        yield f"{path} {name}", command
        yield from walk(command, f"{path} {name}")


def _help(command: click.Command, path: str) -> str:
    with click.Context(command, info_name=path, terminal_width=100, max_content_width=100) as context:
        return f"```text\n{command.get_help(context)}\n```"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
