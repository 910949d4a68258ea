"""Key ranges: how a bucket's listing is cut in pieces that workers list at the same time."""

from __future__ import annotations

from typing import NamedTuple


class KeyRange(NamedTuple):
    """Keys k with after < k <= upto, in the order of their UTF-8 bytes; None is no bound.

    Python compares strings by code point, which is the same order.
    """

    after: str | None = None
    upto: str | None = None

    def holds(self, key: str) -> bool:
        """Tell whether a key lies in the range."""
        return (self.after is None or key > self.after) and (self.upto is None or key <= self.upto)
