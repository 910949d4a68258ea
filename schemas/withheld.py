"""Names that stay at home: keyed digests stand for them, which only the holder of the key turns back.

A digest is HMAC-SHA256 (RFC 2104) under the owner's key, cut to 128 bits, of what kind of name it is and the name.
Equal names give equal digests, so what belongs together still does; without the key no guess can be tried.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable

START = "withheld-"
TOKEN = re.compile(rf"{START}[0-9a-f]{{32}}")
KINDS = ("uri", "bucket", "person", "copy")
"""What is named: an object, a bucket or folder, a person, what physically holds the bytes."""
SHORTEST_KEY = 32
"""Characters of a key."""

Digest = Callable[[str, str], str]
"""From a kind of KINDS and a name to what stands for it."""


def digest_with(key: bytes) -> Digest:
    """Give the function that digests names under a key."""

    def digest(kind: str, name: str) -> str:
        said = f"{kind}\0{name}".encode("utf-8", "surrogatepass")
        return START + hmac.new(key, said, hashlib.sha256).hexdigest()[:32]

    return digest


def is_withheld(bucket: str) -> bool:
    """Tell whether a bucket's or folder's name stayed at home: nothing can be asked of it."""
    return TOKEN.fullmatch(bucket.removeprefix("/")) is not None
