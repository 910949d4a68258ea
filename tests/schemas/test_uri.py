"""Keys survive into URIs and back, literally where they are text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfold.schemas.uri import escape_key, make_uri, unescape_key

LITERAL = [
    "a//b",
    "../x",
    "line\nbreak",
    "a#b",
    "\"quoted\" 'twice'",
    "照片/一.jpg",
    "a+b %20",
    "\\xff",
    "\ufffd",
    "😀",
]


@pytest.mark.parametrize("key", LITERAL)
def test_text_stands_literally(key: str) -> None:
    assert escape_key(key.encode()) == key
    assert make_uri("s3", "bucket", key) == f"s3://bucket/{key}"


@pytest.mark.parametrize(
    "raw",
    [b"\xff.jpg", b"a\x80\xfe", "\uef80".encode(), b"\xee\xbe", "\uefff\uef80x".encode() + b"\xee", b"\xed\xb3\xbf"],
    ids=["lone byte", "two bytes", "the escape itself", "cut short", "mixed", "encoded surrogate"],
)
def test_bytes_that_are_not_text_come_back(raw: bytes) -> None:
    escape_key(raw).encode()  # storable as UTF-8
    assert unescape_key(escape_key(raw)) == raw


@given(st.binary(max_size=40))
def test_every_key_comes_back(raw: bytes) -> None:
    assert unescape_key(escape_key(raw)) == raw


@given(st.binary(max_size=12), st.binary(max_size=12))
def test_different_keys_stay_different(one: bytes, other: bytes) -> None:
    assert (escape_key(one) == escape_key(other)) == (one == other)


def test_folder_uri_ends_in_the_key() -> None:
    assert make_uri("file", "/archive/hk", "a/b.jpg") == "file:///archive/hk/a/b.jpg"
