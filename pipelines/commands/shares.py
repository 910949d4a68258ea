"""How shares are written on a command line."""

from __future__ import annotations

import click


class Share(click.ParamType):
    """A share, written 1% or 0.01."""

    name = "share"

    def convert(self, value, param, ctx) -> float:
        if isinstance(value, float):
            return value
        try:
            return float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            self.fail(f"{value!r} isn't a share, like 1% or 0.01", param, ctx)


class Sample(click.ParamType):
    """A share (1%, 0.01) or a number of objects (2000)."""

    name = "sample"

    def convert(self, value, param, ctx) -> float:
        if isinstance(value, float):
            return value
        if str(value).isdigit():
            return float(value)
        found = Share().convert(value, param, ctx)
        if not 0 <= found < 1:
            self.fail(f"{value!r} isn't a share below 1, nor a whole number of objects", param, ctx)
        return found
