"""A listing watched while it is taken: some stores give pages again, in odd order, or end early."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Any

from mirrorfold.transforms.listing.pages import Page, Pages
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.stores.api import StoreError

log = logging.getLogger(__name__)

_INSTEAD = "nothing was planned from it: use the store's inventory report, or listing+FILE"

MOST_STILL = 10_000
"""Pages in a row that bring no new key: versions of one key, or none at all, as stores give behind many deletions."""


def in_order(pages: Pages, entries: list[Any]) -> bool:
    """Tell whether entries come in the order of their keys, on which cutting relies."""
    return all(pages.key(one) <= pages.key(other) for one, other in pairwise(entries))


def out_of_order() -> StoreError:
    """Make the error for a listing whose keys go back."""
    return StoreError("unreachable", f"the store gives keys again, or out of order; {_INSTEAD}")


class Watched:
    """The pages of one range, one after the other.

    Args:
      keys: the range; its end may come nearer while it is listed.
      ordered: whether the range was cut, which relies on the order of keys; else any order will do.

    Raises:
      StoreError: from `next`, where the store can't be relied upon.
    """

    def __init__(self, pages: Pages, after: str | None, ordered: bool):
        self.pages, self.ordered = pages, ordered
        self.after, self.token = after, None
        self.last: str | None = None
        self.still = 0

    def next(self) -> Page:
        """Give the next page."""
        page = self.pages.page(self.after, self.token)
        if page.entries and self.ordered:
            first = self.pages.key(page.entries[0])
            if not in_order(self.pages, page.entries) or (self.last is not None and first < self.last):
                raise out_of_order()
        self.still = self.still + 1 if page.last in (None, self.last) else 0
        if page.token is not None and (page.token == self.token or self.still > MOST_STILL):
            raise StoreError("unreachable", f"the store gives the same page again and again; {_INSTEAD}")
        self.last = page.last if page.last is not None else self.last
        self.token = page.token
        return page

    def ended_early(self, upto: str | None) -> bool:
        """Tell after the last page whether keys lie behind it, up to `upto`, and get ready to go on from there.

        Where the store can't be asked behind its last key (some fail at control characters in it), its word counts.
        """
        if not self.ordered or self.last is None:
            return False
        try:
            found = self.pages.probe(self.last)
        except StoreError as error:
            log.warning("couldn't look behind the last key listed, %r: %s", self.last, error)
            return False
        if found is None or not KeyRange(self.last, upto).holds(found):
            return False
        self.after, self.token = self.last, None
        return True
