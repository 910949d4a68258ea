"""The same object under two sources counts once."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.uri import make_uri
from mirrorfold.transforms.blocks.ipc import distinct_rows
from mirrorfold.transforms.listing.rows import RANK
from mirrorfold.transforms.stores.api import SourceSpec


def rank_sources(specs: Sequence[SourceSpec]) -> list[SourceSpec]:
    """Order sources by who wins an object that several list.

    The most specific source (the longest prefix), then the smallest library name, then a live listing before a report.
    """
    return sorted(
        specs,
        key=lambda spec: (
            -len(make_uri(spec.store, spec.bucket, spec.prefix).encode()),
            spec.library,
            spec.kind != "live",
            spec.store,
            spec.bucket,
            spec.prefix,
            spec.manifest or "",
        ),
    )


def dedupe(block: pa.Table) -> pa.Table:
    """Keep one row of each (uri, version): the lowest rank's, its newest; give rows of `objects`, sorted."""
    order = [("uri", "ascending"), ("version", "ascending"), (RANK, "ascending")]
    order += [("last_modified", "descending"), ("etag", "ascending"), ("size", "ascending")]
    return distinct_rows(block.sort_by(order), ("uri", "version")).select(OBJECTS.schema.names)
