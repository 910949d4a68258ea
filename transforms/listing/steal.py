"""List one range with several threads: who has nothing to do takes a part of the range that has most left."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa

from mirrorfold.transforms.listing.pages import Page, Pages
from mirrorfold.transforms.listing.ranges import KeyRange, find_cuts
from mirrorfold.transforms.listing.watch import Watched

_PAGES_BEFORE_SPLIT = 2


@dataclass(eq=False)
class Piece:
    """A range being listed: keys up to `cursor` are given out, those up to `upto` are still this piece's."""

    after: str | None
    upto: str | None
    cursor: str | None
    pages: int = 0
    patience: int = _PAGES_BEFORE_SPLIT
    splitting: bool = False


class Board:
    """The pieces of one range, and who works on them. One lock: a cut and the rows given out never cross."""

    def __init__(self, keys: KeyRange):
        self.changed = threading.Condition()
        self.waiting = [Piece(keys.after, keys.upto, keys.after)]
        self.active: set[Piece] = set()
        self.idle = 0
        self.stopped = False

    def take(self, pages: Pages) -> Piece | None:
        """Give a piece to list: a new one, or a part of another's; None when nothing is left."""
        while True:
            with self.changed:
                victim = self._choose()
                if victim is None:
                    return None
                if victim in self.waiting:
                    self.waiting.remove(victim)
                    self.active.add(victim)
                    return victim
                victim.splitting = True
                left = KeyRange(victim.cursor, victim.upto)
            cuts = find_cuts(pages.probe, left)
            with self.changed:
                victim.splitting = False
                victim.patience = victim.pages * 2  # ask again only when as much again was listed
                piece = self._split(victim, cuts)
                self.changed.notify_all()
                if piece is not None:
                    return piece

    def _choose(self) -> Piece | None:
        while not self.stopped:
            if self.waiting:
                return self.waiting[-1]
            if not self.active:
                break
            able = [piece for piece in self.active if not piece.splitting and piece.pages >= piece.patience]
            if able:
                return max(able, key=_left)
            self.idle += 1
            self.changed.wait()
            self.idle -= 1
        self.changed.notify_all()
        return None

    def _split(self, victim: Piece, cuts: list[str]) -> Piece | None:
        left = KeyRange(victim.cursor, victim.upto)
        cuts = [cut for cut in cuts if left.holds(cut) and cut != victim.upto]
        if victim not in self.active or not cuts or self.stopped:
            return None
        # One round of probing feeds everybody who waits, not only who probed.
        wanted = min(self.idle + 1, len(cuts))
        chosen = [cuts[len(cuts) * (2 * part + 1) // (2 * wanted)] for part in range(wanted)]
        bounds = [*chosen, victim.upto]
        victim.upto = chosen[0]
        pieces = [Piece(after, upto, after) for after, upto in pairwise(bounds)]
        self.waiting += pieces[1:]
        self.active.add(pieces[0])
        return pieces[0]

    def give(self, piece: Piece, pages: Pages, page: Page) -> tuple[list[Any], bool]:
        """Take a page's entries into account: (those that are the piece's, whether the piece is finished)."""
        with self.changed:
            keys = KeyRange(piece.after, piece.upto)
            entries = [entry for entry in page.entries if keys.holds(pages.key(entry))]
            past = page.last is not None and piece.upto is not None and page.last > piece.upto
            piece.pages += 1
            if page.last is not None:
                piece.cursor = max(page.last, piece.cursor or "")
            finished = page.token is None or past or self.stopped
            if finished:
                self.active.discard(piece)
            self.changed.notify_all()
            return entries, finished

    def stop(self) -> None:
        """Let every thread end after its page."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()


def _left(piece: Piece) -> int:
    """Guess how much of the key space is left; only decides whom to help first."""
    end = piece.upto.encode() if piece.upto is not None else b"\xff" * 8
    start = (piece.cursor or "").encode()
    shared = next((at for at, (x, y) in enumerate(zip(start, end, strict=False)) if x != y), min(len(start), len(end)))
    span = [int.from_bytes(text[shared : shared + 4].ljust(4, b"\0"), "big") for text in (start, end)]
    return max(0, span[1] - span[0]) >> (8 * min(shared, 3))


def list_range(pages: Pages, keys: KeyRange, threads: int, ordered: bool = True) -> Iterator[pa.Table]:
    """List a range page by page, with help from up to `threads` threads as long as work remains.

    Gives every entry of the range once; pages come in no order.

    Args:
      ordered: whether the store lists in the order of keys, so that ranges mean something.

    Raises:
      StoreError: what the store answered to the first page that failed, or that it can't be relied upon.
    """
    board = Board(keys)
    results: queue.Queue[pa.Table | BaseException | None] = queue.Queue(maxsize=2 * threads)
    with ThreadPoolExecutor(threads, "list") as pool:
        for _ in range(threads):
            pool.submit(_work, board, pages, results, ordered)
        running = threads
        try:
            while running:
                result = results.get()
                if result is None:
                    running -= 1
                elif isinstance(result, BaseException):
                    raise result
                else:
                    yield result
        finally:
            board.stop()
            while running:  # the queue is bounded: threads may be waiting to put
                running -= results.get() is None


def _work(board: Board, pages: Pages, results: queue.Queue, ordered: bool) -> None:
    try:
        while (piece := board.take(pages)) is not None:
            _list_piece(board, piece, Watched(pages, piece.after, ordered), results)
    except BaseException as error:  # noqa: BLE001 - carried to the caller's thread, and raised there
        board.stop()
        results.put(error)
    finally:
        results.put(None)


def _list_piece(board: Board, piece: Piece, watched: Watched, results: queue.Queue) -> None:
    pages, finished = watched.pages, False
    while not finished:
        page = watched.next()
        if page.token is None and watched.ended_early(piece.upto):
            page = page._replace(token=watched.last)
        entries, finished = board.give(piece, pages, page)
        if entries:
            results.put(pages.rows(entries))
