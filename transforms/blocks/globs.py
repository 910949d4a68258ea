"""Patterns over URIs, as policies write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+", re.DOTALL)
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def to_regex(pattern: str) -> str:
    """Write a pattern as an RE2 expression over whole URIs.

    `**` stands for anything, `*` and `?` for anything within one folder, everything else for itself. A pattern without
    `://` may start at any slash: `masters/**` is the same as `**/masters/**`.
    """
    if "://" not in pattern and not pattern.startswith("**"):
        pattern = "**/" + pattern.lstrip("/")
    body = "".join(_MEANING.get(token) or _literal(token) for token in _TOKEN.findall(pattern))
    return f"(?s)^{body}$"


def _literal(text: str) -> str:
    # re.escape leaves non-ASCII alone and escapes with a backslash before a newline, which RE2 doesn't know.
    return "".join(rf"\x{{{ord(c):x}}}" if ord(c) < 33 else re.escape(c) for c in text)


def any_match(uris: pa.ChunkedArray | pa.Array, patterns: Sequence[str]) -> pa.ChunkedArray | pa.Array:
    """Tell for each URI whether any pattern matches it."""
    matched = pc.equal(uris, None) if not patterns else None
    for pattern in patterns:
        found = pc.match_substring_regex(uris, to_regex(pattern))
        matched = found if matched is None else pc.or_(matched, found)
    return pc.fill_null(matched, False)
