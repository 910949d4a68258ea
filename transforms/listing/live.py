"""Live listing of one source: ranges of a bucket, or a folder, as blocks of rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import islice

import pyarrow as pa

from mirrorfold.schemas.uri import unescape_key
from mirrorfold.transforms.listing.bucket_pages import PAGE, is_small, open_pages
from mirrorfold.transforms.listing.folder import Way, folder_rows
from mirrorfold.transforms.listing.folder_parts import EVERYTHING, FolderPart, list_part, plan_folder
from mirrorfold.transforms.listing.places import pruned
from mirrorfold.transforms.listing.ranges import KeyRange, plan_ranges
from mirrorfold.transforms.listing.steal import list_range
from mirrorfold.transforms.listing.watch import in_order
from mirrorfold.transforms.stores.api import SourceSpec

ROWS = 20_000
"""Rows of a raw block: small enough to stream, large enough for Parquet."""
PIECES = 32
"""Ranges that a large bucket is cut in, for as many workers."""
THREADS = 4
"""Threads that list one range: parsing pages fills a core at about this many."""


def plan_live(spec: SourceSpec, hints: Sequence[str] = (), limit: int = PAGE) -> Sequence[KeyRange | FolderPart] | None:
    """Cut a live source for workers; None where it can only be listed from end to end, in the store's own order.

    Args:
      hints: cuts known from an earlier listing.
    """
    if spec.store == "file":
        return plan_folder(unescape_key(spec.bucket), way=_way(spec))
    with contextlib.closing(open_pages(spec, 0, limit)) as pages:
        if not pages.cuttable:
            return None
        page = pages.page(None, None)
        if not in_order(pages, page.entries):
            return None
        if page.token is None:
            return [KeyRange()]
        return plan_ranges(pages.probe, lambda keys: is_small(pages, keys), KeyRange(), PIECES, hints)


def list_live(
    spec: SourceSpec, rank: int, keys: KeyRange | FolderPart | None = None, limit: int = PAGE
) -> Iterator[pa.Table]:
    """List a source as blocks of RAW of about ROWS rows.

    Args:
      keys: the range of a bucket, or the part of a folder, to list; None lists all of it with a single thread.

    Raises:
      StoreError: the store refuses or doesn't answer, or a folder can't be read.
    """
    if spec.store == "file":
        part = keys if isinstance(keys, FolderPart) else EVERYTHING
        found = list_part(unescape_key(spec.bucket), part, _way(spec))
        while entries := list(islice(found, ROWS)):
            yield folder_rows(entries, library=spec.library, bucket=spec.bucket, rank=rank)
        return
    with contextlib.closing(open_pages(spec, rank, limit)) as pages:
        wanted = keys if isinstance(keys, KeyRange) and pages.cuttable else None
        yield from in_blocks(list_range(pages, wanted or KeyRange(), THREADS if wanted else 1, wanted is not None))


def _way(spec: SourceSpec) -> Way:
    return Way(pruned(spec.exclude), spec.follow_links)


def in_blocks(pages: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Join pages into blocks of about ROWS rows."""
    waiting: list[pa.Table] = []
    rows = 0
    for page in pages:
        waiting.append(page)
        rows += page.num_rows
        if rows >= ROWS:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
