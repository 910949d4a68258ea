"""Which keys each client can name."""

from __future__ import annotations

import re

from mirrorfold.schemas.uri import unescape_key

_REFUSED = re.compile(r"[\x00-\x1f\x7f]|(^|/)\.{0,2}(/|$)")


def plain_for_obstore(key: str) -> bool:
    """Tell whether obstore names this key exactly.

    Its path type refuses control characters, empty segments, `.` and `..`, and silently drops a slash at either end.
    """
    return _REFUSED.search(key) is None


def real_key(escaped: str) -> str:
    """Give a bucket's key as the store knows it (always valid UTF-8), from its text in the tables."""
    return escaped if escaped.isascii() else unescape_key(escaped).decode()
