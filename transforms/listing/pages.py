"""How a store lists, page by page."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import pyarrow as pa


class Page(NamedTuple):
    """One page of a listing.

    Attributes:
      entries: as the store gives them, in order of their keys.
      last: the last key of the page, None on an empty one.
      token: how to go on; None at the end. An empty page may have one.
    """

    entries: list[Any]
    last: str | None
    token: Any


class Pages(Protocol):
    """How a store lists; called from several threads."""

    def probe(self, after: str | None) -> str | None:
        """Give the first key after a key."""
        ...

    def page(self, after: str | None, token: Any) -> Page:
        """Give the page after a key, or the one that a token names."""
        ...

    def key(self, entry: Any) -> str:
        """Give an entry's key."""
        ...

    def rows(self, entries: list[Any]) -> pa.Table:
        """Make rows of entries; may ask the store for more about each."""
        ...
