"""URIs of objects: they end in the key literally, and every key survives a round trip.

A key is bytes. Valid UTF-8 is written as it is: no percent-encoding, so `a//b`, `../x`, `#`, quotes, newlines and
Chinese stand in the URI as in the store. A byte that isn't valid UTF-8 becomes one character of U+EF80..U+EFFF, as
the OPTU-16 encoding maps them; a key that holds such a character itself has it escaped byte by byte, so that reading
back is exact for every byte string.
"""

from __future__ import annotations

import unicodedata

_BASE = 0xEF00

UNCARRIABLE = r"(?:^|/)\.{0,2}(?:/|$)|[\x00-\x1f\x7f" + "\u201b\uef80-\uefff]"
"""Keys that some tool which acts on plans can't carry (RE2 and re): empty, `.` or `..` as a folder's name, a slash
at either end, control characters, U+201B (rclone's own quoting mark), bytes that aren't UTF-8."""

ODD = UNCARRIABLE + r"|(?:^|/)[.#$@~ ]| (?:/|$)"
"""Keys that no person would have given: the above, and folders and files whose names begin with what systems put
before names of their own."""


def escape_key(raw: bytes) -> str:
    """Write a key's bytes as text, reversibly."""
    text = raw.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text
    return "".join(_escape_character(character) for character in text)


def _escape_character(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return chr(_BASE + code - 0xDC00)
    if 0xEF80 <= code <= 0xEFFF:
        return "".join(chr(_BASE + byte) for byte in character.encode())
    return character


def unescape_key(text: str) -> bytes:
    """Read a key's bytes back from its text."""
    if text.isascii():
        return text.encode()
    return b"".join(
        bytes([ord(character) - _BASE]) if 0xEF80 <= ord(character) <= 0xEFFF else character.encode()
        for character in text
    )


def make_uri(store: str, bucket: str, key: str) -> str:
    """Join a URI from its parts; `key` is already escaped.

    For folders (`store` is `file`) `bucket` is the absolute folder: `file:///archive/hk/a.jpg`.
    """
    if store == "file":
        return f"file://{bucket.rstrip('/')}/{key}"
    return f"{store}://{bucket}/{key}"


def library_name(text: str) -> str | None:
    """Give a library's name in its one spelling (NFC), or None where text can't be one.

    A name is letters, their marks and digits of any script, `.`, `_` and `-`.
    """
    name = unicodedata.normalize("NFC", text)
    fits = all(character in "._-" or unicodedata.category(character)[0] in "LMN" for character in name)
    return name if name and fits else None
