"""Key ranges: how a bucket's listing is cut, without knowing its prefixes, in pieces that are listed at the same time.

Keys are compared as the stores do, by their UTF-8 bytes; Python's order by code point is the same. Cuts are made
between characters, never inside one, so a bucket of Chinese names is cut as evenly as one of ASCII.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

Probe = Callable[[str | None], str | None]
"""Give the first key after a key (None: the first of all), or None where there is none."""

_CHILDREN = 16
_LAST = "\U0010ffff"


class KeyRange(NamedTuple):
    """Keys k with after < k <= upto; None is no bound."""

    after: str | None = None
    upto: str | None = None

    def holds(self, key: str) -> bool:
        """Tell whether a key lies in the range."""
        return (self.after is None or key > self.after) and (self.upto is None or key <= self.upto)


def cut_at(keys: KeyRange, cuts: Sequence[str]) -> list[KeyRange]:
    """Cut a range at the given keys; those outside it are ignored."""
    inside = sorted({cut for cut in cuts if keys.holds(cut) and cut != keys.upto})
    bounds = [keys.after, *inside, keys.upto]
    return [KeyRange(after, upto) for after, upto in pairwise(bounds)]


def quantiles(sample: Sequence[str], pieces: int) -> list[str]:
    """Choose cuts that split a sample of keys, e.g. of an earlier listing, evenly in up to `pieces` pieces."""
    ordered = sorted(set(sample))
    pieces = min(pieces, len(ordered))
    return [ordered[len(ordered) * piece // pieces] for piece in range(1, pieces)]


def find_cuts(probe: Probe, keys: KeyRange, children: int = _CHILDREN) -> list[str]:
    """Find keys to cut a range at, each with at least one key behind it and in the range; [] where none is needed.

    All keys of the range share a prefix, found by bisection. A cut is that prefix with one of the characters that occur
    behind it: each of them where they are few, else some that lie evenly between the first and the last.
    """
    first = _within(probe(keys.after), keys)
    start = 0
    while first is not None:
        shared = _shared(probe, keys, first, start)
        if shared < len(first):
            return _branches(probe, keys, first, shared, children)
        # All others begin with the whole of the first key: look behind it.
        first, start = _within(probe(first), keys), shared
    return []


def _within(key: str | None, keys: KeyRange) -> str | None:
    # A key that bears the name of the bound itself can't be cut off, and would hide the prefix that all others share.
    return key if key is not None and key != keys.upto and keys.holds(key) else None


def _shared(probe: Probe, keys: KeyRange, first: str, low: int) -> int:
    """Find how many characters of `first` all keys of the range begin with, at least `low` of them."""
    high = len(first)
    while low < high:
        middle = (low + high + 1) // 2
        after = _behind(first[:middle])
        if after is None or _within(probe(after), keys) is None:
            low = middle
        else:
            high = middle - 1
    return low


def _branches(probe: Probe, keys: KeyRange, first: str, shared: int, children: int) -> list[str]:
    cuts: list[str] = []
    found: str | None = first
    while found is not None and len(cuts) < children:
        after = _behind(found[: shared + 1])
        found = None if after is None else _within(probe(after), keys)
        if found is not None:
            cuts.append(found[: shared + 1])
    if found is not None:  # more than are worth counting: spread the cuts over all that occur
        cuts = _spread(probe, keys, first, shared, children)
    return cuts


def _spread(probe: Probe, keys: KeyRange, first: str, shared: int, children: int) -> list[str]:
    prefix, low = first[:shared], ord(first[shared])

    def from_character(code: int) -> str | None:
        return _within(probe(prefix + _character(code)), keys)

    end, high = low, ord(_LAST)
    while end < high:  # the last character that occurs, by bisection
        middle = (end + high + 1) // 2
        found = from_character(middle)
        end, high = (max(middle, ord(found[shared])), high) if found is not None else (end, middle - 1)
    steps = (low + (end - low) * step // children for step in range(1, children))
    found_keys = [from_character(code) for code in steps]
    return sorted({key[: shared + 1] for key in found_keys if key is not None and key[: shared + 1] > first})


def _character(code: int) -> str:
    return chr(0xE000 if 0xD800 <= code <= 0xDFFF else code)


def _behind(prefix: str) -> str | None:
    """Name a place behind all keys that begin with a prefix; None where that is the end of all keys.

    The key that has this very name, if there is one, is taken to lie before it: cuts need not be exact, they only have
    to be the same for both their sides.
    """
    prefix = prefix.rstrip(_LAST)
    if not prefix:
        return None
    return prefix[:-1] + _character(ord(prefix[-1]) + 1)


def plan_ranges(
    probe: Probe, is_small: Callable[[KeyRange], bool], keys: KeyRange, pieces: int, cuts: Sequence[str] = ()
) -> list[KeyRange]:
    """Cut a range in at least `pieces` pieces that are still large, and the small ones beside them (at most 3 a piece).

    Args:
      probe: asks the store.
      is_small: tells whether a range fits a page or so, and isn't worth cutting.
      cuts: known cuts to begin with, such as those of an earlier listing.
    """
    waiting = deque(cut_at(keys, cuts))
    done: list[KeyRange] = []
    while waiting and len(waiting) < pieces and len(waiting) + len(done) < 4 * pieces:
        piece = waiting.popleft()
        found = [] if is_small(piece) else find_cuts(probe, piece)
        (waiting if found else done).extend(cut_at(piece, found))
    return sorted([*done, *waiting], key=lambda piece: piece.after or "")
