"""The template environment of every page: everything is escaped, and a name that is missing is an error."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mirrorfold.transforms.publish.languages import both
from mirrorfold.transforms.publish.text import visible


def environment() -> Environment:
    """Make the template environment: everything is escaped, and a name that is missing is an error."""
    env = Environment(
        loader=PackageLoader("mirrorfold.transforms.publish"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    env.filters["visible"] = _visible
    env.globals["t"] = both
    return env


def _visible(value: object, limit: int = 1_000, tail: bool = False) -> Markup:
    return visible(", ".join(value) if isinstance(value, list) else str(value or ""), limit, tail)
