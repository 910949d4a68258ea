"""Options as they may be written down: what is named like a secret is masked."""

from __future__ import annotations

import re
from collections.abc import Sequence

SECRET = re.compile(r"key|secret|token|password", re.IGNORECASE)
MASK = "***"


def masked(arguments: Sequence[str]) -> list[str]:
    """Mask values of options that are named key, secret, token or password, written with `=` or as two words."""
    found: list[str] = []
    hide = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if argument.startswith("--"):
            hide = SECRET.search(name) is not None and not equals
            found.append(f"{name}={MASK}" if equals and SECRET.search(name) else argument)
        else:
            found.append(MASK if hide else argument)
            hide = False
    return found
