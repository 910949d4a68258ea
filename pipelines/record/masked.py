"""Options as they may be written down: secrets are masked, by the option's name, a setting's within it, or in a URL."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORDS = "key|secret|token|passw|passphrase|pwd|credential|signature|authorization|bearer|sas"
SECRET = re.compile(_WORDS, re.IGNORECASE)
MASK = "***"
_WITHIN = re.compile(rf"(?i)((?:{_WORDS}|\bsig\b)[\w.-]*[\"']?\s*[=:]\s*).+")
"""A setting within a value, as `--spark_conf=spark.hadoop.fs.s3a.secret.key=...` has it: nothing after it is shown."""
_USERINFO = re.compile(r"(\w://)[^/?#@]*@")


def masked(arguments: Sequence[str]) -> list[str]:
    """Mask values of options that are named like secrets, written with `=` or as two words, and those within values."""
    found: list[str] = []
    hide = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if argument.startswith("-") and SECRET.search(name):
            found.append(f"{name}={MASK}" if equals else argument)
        elif argument.startswith("-"):
            found.append(f"{name}{equals}{_plain(value)}")
        else:
            found.append(MASK if hide else _plain(argument))
        hide = argument.startswith("-") and SECRET.search(name) is not None and not equals
    return found


def _plain(value: str) -> str:
    return _WITHIN.sub(rf"\1{MASK}", _USERINFO.sub(rf"\1{MASK}@", value))
